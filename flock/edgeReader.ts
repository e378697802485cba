import type { Deadline } from '../core/index.js';
import { shardKey, type Gizzard, type Leaf, type Route, type ShardId, type SqlSession } from '../gizzard/index.js';
import { tableIdOf } from './graphs.js';
import type { QueryRun, QueryStep } from './query/queryRun.js';
import { edgeTables, type EdgeTables } from './storage/edgeTables.js';
import type { Direction } from './types.js';

/** A read of one shard's tables: any replica may serve it. */
export type ShardRead<T> = (session: SqlSession, tables: EdgeTables, deadline: Deadline, leaf: Leaf) => Promise<T>;

export interface NodeReader {
  /** Reads rows; `asked` is how many are wanted, or how many ids are asked about. */
  read<T>(run: QueryRun, kind: QueryStep['kind'], asked: number, read: (session: SqlSession, tables: EdgeTables, deadline: Deadline) => Promise<T[]>): Promise<T[]>;
}

/** Finds the shard of a node and reads from one of its replicas. */
export class EdgeReader {
  constructor(
    private readonly gizzard: Gizzard,
    private readonly database: string,
  ) {}

  /** Reads of one node that belong to a query, which records each of them. */
  node(of: { readonly graphId: number; readonly direction: Direction; readonly sourceId: bigint }): NodeReader {
    const route = this.gizzard.topology.route(tableIdOf(of.graphId, of.direction), of.sourceId);
    return {
      read: async (run, kind, asked, read) => {
        const startMs = performance.now();
        let shard: ShardId | undefined;
        const rows = await this.#read(route, run.deadline, (session, tables, deadline, leaf) => {
          shard = leaf.shard.id;
          return read(session, tables, deadline);
        });
        run.record({ kind, shard: shardKey(shard!), host: shard!.hostname, asked, rows: rows.length, tookMs: performance.now() - startMs });
        return rows;
      },
    };
  }

  /**
   * Asks every shard once for all the nodes that it has, in parallel. `read` gets the places in `ids` of a shard's nodes and answers by place in that list;
   * the result holds the answers by place in `ids`.
   */
  async many<T>(
    graphId: number,
    direction: Direction,
    ids: BigInt64Array,
    deadline: Deadline,
    read: (session: SqlSession, tables: EdgeTables, places: readonly number[], deadline: Deadline) => Promise<ReadonlyMap<number, T>>,
  ): Promise<(T | undefined)[]> {
    const tableId = tableIdOf(graphId, direction);
    const { topology } = this.gizzard;
    const byRoute = new Map<Route, number[]>();
    for (let place = 0; place < ids.length; place++) {
      const route = topology.route(tableId, ids[place]!);
      const places = byRoute.get(route);
      if (places === undefined) byRoute.set(route, [place]);
      else places.push(place);
    }
    const results = new Array<T | undefined>(ids.length).fill(undefined);
    await Promise.all(
      Array.from(byRoute, async ([route, places]) => {
        const answers = await this.#read(route, deadline, (session, tables, left) => read(session, tables, places, left));
        for (const [place, answer] of answers) results[places[place]!] = answer;
      }),
    );
    return results;
  }

  #read<T>(route: Route, deadline: Deadline, read: ShardRead<T>): Promise<T> {
    return this.gizzard.read(route, deadline, (host, leaf, left) => read(host, edgeTables(this.database, leaf.shard), left, leaf));
  }
}
