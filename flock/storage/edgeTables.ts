import type { ShardInfo } from '../../gizzard/index.js';

/** The names of a shard's two tables, quoted, ready for SQL. */
export interface EdgeTables {
  readonly edges: string;
  readonly nodes: string;
}

/** Shards live in a database named after the cluster. Both its name and the prefix were checked when they were made. */
export const edgeTables = (database: string, shard: ShardInfo): EdgeTables => ({
  edges: `\`${database}\`.\`${shard.id.tablePrefix}_edges\``,
  nodes: `\`${database}\`.\`${shard.id.tablePrefix}_nodes\``,
});
