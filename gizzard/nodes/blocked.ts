import type { NodeType } from './nodeType.js';

/** Fails everything: writes wait in the journal until the block is lifted. */
export const blocked: NodeType = { name: 'blocked', read: 'deny', write: 'deny', replicates: false };
