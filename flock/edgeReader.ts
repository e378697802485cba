import { appendTo, type Deadline } from '../core/index.js';
import {
  GatheredReads,
  shardKey,
  type Answers,
  type Gizzard,
  type Leaf,
  type Route,
  type ShardId,
} from '../gizzard/index.js';
import type { SqlSession, DatabaseHost } from '../mysql/index.js';
import type { Direction } from '../wire/index.js';
import { requireGraph, tableIdOf } from './graphs.js';
import type { QueryRun, QueryStep } from './query/queryRun.js';
import type { EdgeTables, FlockTables } from './storage/flockTables.js';

/** A read of one shard's tables, from any replica. */
export type ShardRead<T> = (session: SqlSession, tables: EdgeTables, deadline: Deadline, leaf: Leaf) => Promise<T>;

export interface NodeReader {
  /** Reads rows; `asked` is the number of rows wanted, or of ids asked about. */
  read<T>(
    run: QueryRun,
    kind: QueryStep['kind'],
    asked: number,
    read: (session: SqlSession, tables: EdgeTables, deadline: Deadline) => Promise<T[]>,
  ): Promise<T[]>;
}

/** Finds a node's shard and reads from one of its replicas. */
export class EdgeReader {
  constructor(
    private readonly gizzard: Gizzard,
    private readonly tables: FlockTables,
  ) {}

  /** Reads of one node for a query, which records each of them. */
  node(of: { readonly graphId: number; readonly direction: Direction; readonly sourceId: bigint }): NodeReader {
    const route = this.#route(of.graphId, of.direction, of.sourceId);
    return {
      read: async (run, kind, asked, read) => {
        const startMs = performance.now();
        let shard: ShardId | undefined;
        const rows = await this.#read(route, run.deadline, (session, tables, deadline, leaf) => {
          shard = leaf.shard.id;
          return read(session, tables, deadline);
        });
        run.record({
          kind,
          shard: shardKey(shard!),
          host: shard!.hostname,
          asked,
          rows: rows.length,
          tookMs: performance.now() - startMs,
        });
        return rows;
      },
    };
  }

  /** Reads of many keys: `read` gets the keys of one shard at a time, and returns values by their place. */
  gathered<Key, Value>(
    read: (
      session: SqlSession,
      tables: EdgeTables,
      keys: readonly Key[],
      deadline: Deadline,
    ) => Promise<Answers<Value>>,
    keysAtOnce?: number,
  ): GatheredReads<Key, Value> {
    return new GatheredReads(
      (route, keys, deadline) =>
        this.#read(route, deadline, (session, tables, left) => read(session, tables, keys, left)),
      keysAtOnce,
    );
  }

  /**
   * Asks every shard once, in parallel, for all the nodes that it holds. `keyAt` gives the key of each place in
   * `ids`; the result has the values by place.
   */
  async many<Key, Value>(
    reads: GatheredReads<Key, Value>,
    {
      graphId,
      direction,
      ids,
    }: { readonly graphId: number; readonly direction: Direction; readonly ids: BigInt64Array },
    keyAt: (place: number) => Key,
    deadline: Deadline,
  ): Promise<(Value | undefined)[]> {
    const byRoute = new Map<Route, number[]>();
    for (let place = 0; place < ids.length; place++)
      appendTo(byRoute, this.#route(graphId, direction, ids[place]!), place);
    const results = new Array<Value | undefined>(ids.length).fill(undefined);
    await Promise.all(
      Array.from(byRoute, async ([route, places]) => {
        const values = await reads.read(route, places.map(keyAt), deadline);
        places.forEach((place, i) => (results[place] = values[i]));
      }),
    );
    return results;
  }

  /** Throws `NotFound` for a graph that does not exist. */
  #route(graphId: number, direction: Direction, id: bigint): Route {
    const { topology } = this.gizzard;
    const route = topology.route(tableIdOf(graphId, direction), id);
    // The table of a dropped graph leads nowhere.
    if (route.leaves.length === 0) requireGraph(topology, graphId);
    return route;
  }

  #read<T>(route: Route, deadline: Deadline, read: ShardRead<T>): Promise<T> {
    return this.gizzard.read(route, deadline, (host: DatabaseHost, leaf, left) =>
      read(host, this.tables.at(leaf.shard), left, leaf),
    );
  }
}
