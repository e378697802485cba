import type { ShardInfo } from '../../gizzard/index.js';
import { shardTable } from '../../mysql/index.js';

/** The names of a shard's two tables, quoted, ready for SQL. */
export interface EdgeTables {
  readonly edges: string;
  readonly nodes: string;
}

export const edgeTables = (database: string, shard: ShardInfo): EdgeTables => ({
  edges: shardTable(database, shard.id.tablePrefix, 'edges'),
  nodes: shardTable(database, shard.id.tablePrefix, 'nodes'),
});
