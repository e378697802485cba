import type { NodeType } from './nodeType.js';

/** Serves reads and silently skips writes, which reach it by other means such as MySQL replication. */
export const slave: NodeType = { name: 'slave', read: 'allow', write: 'ignore', replicates: false };
