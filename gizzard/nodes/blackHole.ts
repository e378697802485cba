import type { NodeType } from './nodeType.js';

/** Silently skips everything, as if nothing were below it. */
export const blackHole: NodeType = { name: 'blackHole', read: 'ignore', write: 'ignore', replicates: false };
