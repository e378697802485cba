import type { NodeType } from './nodeType.js';

/** Takes writes and fails reads: a replica that is still being filled. */
export const writeOnly: NodeType = { name: 'writeOnly', read: 'deny', write: 'allow', replicates: false };
