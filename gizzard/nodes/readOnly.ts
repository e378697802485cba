import type { NodeType } from './nodeType.js';

/** Serves reads and fails writes, which wait in the journal. */
export const readOnly: NodeType = { name: 'readOnly', read: 'allow', write: 'deny', replicates: false };
