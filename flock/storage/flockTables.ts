import type { Deadline } from '../../core/index.js';
import type { DatabaseHost, ShardDatabase, ShardTables, TableShard } from '../../mysql/index.js';
import { edgesTable } from './edgesTable.js';
import { nodesTable } from './nodesTable.js';

/** The names of a shard's two tables, quoted, ready for SQL. */
export interface EdgeTables {
  readonly edges: string;
  readonly nodes: string;
}

/** The tables of graphs in one database: two for each shard. */
export class FlockTables {
  readonly edges: ShardTables<typeof edgesTable.types>;
  readonly nodes: ShardTables<typeof nodesTable.types>;

  constructor(readonly database: ShardDatabase) {
    this.edges = edgesTable.in(database);
    this.nodes = nodesTable.in(database);
  }

  at(shard: TableShard): EdgeTables {
    return { edges: this.edges.at(shard).sql, nodes: this.nodes.at(shard).sql };
  }

  /** Makes both where they are missing, with ids of these column types. */
  async create(
    host: DatabaseHost,
    shard: TableShard,
    ids: { readonly source: string; readonly destination: string },
    deadline: Deadline,
  ): Promise<void> {
    await this.edges.create(host, shard, deadline, { source_id: ids.source, destination_id: ids.destination });
    await this.nodes.create(host, shard, deadline, { source_id: ids.source });
  }
}
