import type { Movable } from '../../gizzard/index.js';
import { type DatabaseHost, movableTables } from '../../mysql/index.js';
import { edgeMoves } from './edgeMoves.js';
import type { FlockTables } from './flockTables.js';
import { nodeMoves } from './nodeMoves.js';

/** How Flock's shards move. Nodes go first: what queries see of an edge depends on its node. */
export const shardMoves = (tables: FlockTables): Movable<DatabaseHost> =>
  movableTables(tables.database, [nodeMoves(tables), edgeMoves(tables)]);
