import type { NodeType } from './nodeType.js';

/** Every child is a replica: reads go to one of them, by weight, writes to all. */
export const replicating: NodeType = { name: 'replicating', read: 'allow', write: 'allow', replicates: true };
