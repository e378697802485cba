import { checkTimes, journalWrite } from '../cluster/index.js';
import { type Deadline, inTurns, parseId, type Micros } from '../core/index.js';
import { shardKey, type FollowUp, type GatheredReads, type Gizzard, type NewJob } from '../gizzard/index.js';
import {
  deadlineOf,
  edgeStates,
  until,
  type Direction,
  type Edge,
  type EdgePage,
  type EdgeState,
  type EdgeWrites,
  type Explanation,
  type GraphInfo,
  type IdPage,
  type JournalStatus,
  type NewestOf,
  type Node,
  type NodeLocation,
  type PageRequest,
  type Query,
  type ReadOptions,
  type StateCounts,
  type Term,
  type WriteBatch,
  type WriteOptions,
} from '../wire/index.js';
import { checkGraph, type GraphCheckOptions, type GraphCheckReport } from './check/checkGraph.js';
import { checkBatch, checkDirection, checkIds, checkNewest, checkPairs } from './checks.js';
import type { FlockService } from './flockService.js';
import { EdgeQueries } from './query/edgeQueries.js';
import { jobOfWrite, timesOf } from './jobs/batchJobs.js';
import { EdgeReader } from './edgeReader.js';
import type { EdgeRecord } from './edgeRecord.js';
import { findGraph, graphsOf, planGraph, requireGraph, tableIdOf, type CreateGraphOptions } from './graphs.js';
import { checkIdsFit } from './idsThatFit.js';
import type { EdgeCaches } from './cached/edgeCaches.js';
import type { Heads } from './query/page.js';
import { ranksOf } from './query/termSource.js';
import { rowTotals } from './rowTotals.js';
import { scan, scanEdges, scanStarts, type ScanPage, type StoredEdge } from './scan.js';
import { stateOfRank } from './states.js';
import {
  edgeOfRow,
  rangesPerStatement,
  readEdges,
  readHeads,
  readNodes,
  readStates,
  type NodeRow,
  type IdPair,
} from './storage/readEdges.js';
import { FlockTables } from './storage/flockTables.js';

export interface FlockOptions {
  /** Caches that reads go through. Absent: reads go to the databases alone. */
  readonly caches?: EdgeCaches | undefined;
  /** Closes the cluster that this is part of. Absent: closes its Gizzard. */
  readonly close?: () => Promise<void>;
}

/** A written edge: its graph's number as `tableId`, and its ends. */
export type WrittenEdge = Pick<EdgeRecord, 'tableId' | 'sourceId' | 'destinationId'>;

/** The social graph on a cluster. See `FlockService` for what each method promises. */
export class Flock implements FlockService {
  readonly #onApplied: ((edges: readonly WrittenEdge[]) => readonly FollowUp[])[] = [];
  readonly #reader: EdgeReader;
  readonly #states: GatheredReads<IdPair, number>;
  readonly #edges: GatheredReads<IdPair, Edge>;
  readonly #nodes: GatheredReads<bigint, NodeRow>;
  readonly #heads: Heads;
  readonly #queries: EdgeQueries;

  constructor(
    readonly gizzard: Gizzard,
    readonly options: FlockOptions = {},
  ) {
    this.#reader = new EdgeReader(gizzard, new FlockTables(gizzard.database));
    this.#states = this.#reader.gathered(readStates);
    this.#edges = this.#reader.gathered(readEdges);
    this.#nodes = this.#reader.gathered(readNodes);
    this.#heads = this.#reader.gathered(readHeads, rangesPerStatement);
    this.#queries = new EdgeQueries(this.#reader, this.#heads, options.caches);
  }

  /**
   * Registers a function that derives further jobs from applied edges, for stores that keep data made of edges. It
   * runs after each write is applied to a replica; its jobs are journaled before the write counts as applied. Each
   * edge comes once per replica in each direction, and again if a job is repeated. At the last call, both directions
   * have it.
   */
  onApplied(make: (edges: readonly WrittenEdge[]) => readonly FollowUp[]): void {
    this.#onApplied.push(make);
  }

  /** The jobs that listeners derive from applied rows. */
  followUpsOf(records: readonly WrittenEdge[]): readonly FollowUp[] {
    if (this.#onApplied.length === 0) return [];
    // Backward, an edge begins at its destination.
    const edges = records.map(({ tableId, sourceId, destinationId }) =>
      tableId > 0
        ? { tableId, sourceId, destinationId }
        : { tableId: -tableId, sourceId: destinationId, destinationId: sourceId },
    );
    return edges.length === 0 ? [] : this.#onApplied.flatMap((make) => make(edges));
  }

  graphs(): readonly GraphInfo[] {
    return graphsOf(this.gizzard.topology);
  }

  graph(name: string): GraphInfo {
    return findGraph(this.gizzard.topology, name);
  }

  /** Creates a graph with its shards and tables. Throws `AlreadyExists` and `InvalidArgument`. */
  async createGraph(
    name: string,
    options: {
      readonly shards: number;
      readonly replicas: number;
      readonly hosts?: readonly string[];
      readonly id?: number;
    },
  ): Promise<GraphInfo> {
    const hosts = options.hosts ?? Object.keys(this.gizzard.config.databaseHosts);
    const plan: CreateGraphOptions = { ...options, hosts };
    await this.gizzard.nameServer.reload();
    const { graph, changes } = planGraph(this.gizzard.topology, name, plan);
    await this.gizzard.apply(changes);
    return graph;
  }

  write(writes: EdgeWrites, options: WriteOptions = {}): Promise<void> {
    return this.execute([{ edges: writes }], options);
  }

  async execute(batch: WriteBatch, options: WriteOptions = {}): Promise<void> {
    const deadline = deadlineOf(options);
    await journalWrite(this.gizzard, await this.jobsOf(batch, deadline), { ...options, deadline });
  }

  /** The jobs of `execute`, for callers that journal them. Throws as `execute` for a bad batch. */
  async jobsOf(batch: WriteBatch, deadline: Deadline): Promise<NewJob[]> {
    checkBatch(batch);
    await checkTimes(this.gizzard, timesOf(batch), deadline);
    for (const write of batch)
      requireGraph(this.gizzard.topology, ('edges' in write ? write.edges : write.node).graphId);
    checkIdsFit(this.gizzard.topology, batch);
    return inTurns(batch, jobOfWrite);
  }

  async states(
    graphId: number,
    sourceIds: BigInt64Array,
    destinationIds: BigInt64Array,
    options: ReadOptions = {},
  ): Promise<readonly (EdgeState | undefined)[]> {
    checkPairs(sourceIds, destinationIds);
    const ranks = await this.#reader.many(
      this.#states,
      { graphId, direction: 'forward', ids: sourceIds },
      pairsOf(sourceIds, destinationIds),
      deadlineOf(options),
    );
    return ranks.map((rank) => (rank === undefined ? undefined : stateOfRank(rank)));
  }

  async edges(
    graphId: number,
    sourceIds: BigInt64Array,
    destinationIds: BigInt64Array,
    options: ReadOptions = {},
  ): Promise<readonly (Edge | undefined)[]> {
    checkPairs(sourceIds, destinationIds);
    const deadline = deadlineOf(options);
    const pairAt = pairsOf(sourceIds, destinationIds);
    const { caches } = this.options;
    if (caches?.has(graphId) === true)
      return caches.edgesAt(
        graphId,
        Array.from(sourceIds, (_, place) => pairAt(place)),
        deadline,
      );
    return this.#reader.many(this.#edges, { graphId, direction: 'forward', ids: sourceIds }, pairAt, deadline);
  }

  /**
   * For each list, which of some ids are at the other ends of its node's normal edges. The newest edges in the caches
   * answer if they suffice; one lookup serves all lists. Otherwise `newest` and `states` are read: a list has one
   * node and many ids, `states` takes pairs.
   */
  async related(
    lists: readonly { readonly graphId: number; readonly direction: Direction; readonly nodeId: bigint }[],
    ids: BigInt64Array,
    options: ReadOptions = {},
  ): Promise<readonly ReadonlySet<bigint>[]> {
    const left = deadlineOf(options);
    const cached = (await this.options.caches?.related(lists, ids, left)) ?? [];
    return Promise.all(
      lists.map(async ({ graphId, direction, nodeId }, i) => {
        const { found, unknown } = cached[i] ?? { found: new Set<bigint>(), unknown: ids };
        if (unknown.length === 0) return found;
        const node = new BigInt64Array(unknown.length).fill(nodeId);
        const [from, to] = direction === 'forward' ? [node, unknown] : [unknown, node];
        const states = await this.states(graphId, from, to, { ...options, ...until(left) });
        return new Set([...found, ...unknown.filter((_, place) => states[place] === 'normal')]);
      }),
    );
  }

  async nodes(
    graphId: number,
    direction: Direction,
    ids: BigInt64Array,
    options: ReadOptions = {},
  ): Promise<readonly (Node | undefined)[]> {
    checkDirection(direction);
    checkIds(ids, 'ids');
    const rows = await this.#reader.many(
      this.#nodes,
      { graphId, direction, ids },
      (place) => ids[place]!,
      deadlineOf(options),
    );
    return rows.map((row) =>
      row === undefined
        ? undefined
        : {
            color: stateOfRank(row.registers.color),
            coloredAt: row.registers.coloredAt,
            removedThrough: row.registers.removedThrough,
            counts: countsByState(row.counts),
          },
    );
  }

  async counts(
    graphId: number,
    direction: Direction,
    ids: BigInt64Array,
    options: ReadOptions = {},
  ): Promise<readonly StateCounts[]> {
    const nodes = await this.nodes(graphId, direction, ids, options);
    return nodes.map((node) => node?.counts ?? countsByState([]));
  }

  async newest(list: NewestOf, ids: BigInt64Array, options: ReadOptions = {}): Promise<readonly (readonly Edge[])[]> {
    checkNewest(list, ids);
    const { graphId, direction, count: limit } = list;
    const states = ranksOf(list);
    const found = await this.#reader.many(
      this.#heads,
      { graphId, direction, ids },
      (place) => ({ sourceId: ids[place]!, states, limit }),
      deadlineOf(options),
    );
    return inTurns(found, (rows = [], place) => rows.map((row) => edgeOfRow(ids[place]!, row)));
  }

  /**
   * The other ends of the lists of `newest`, at or below a position if one is given; from the caches as far as they
   * hold the lists.
   */
  async newestIds(
    list: NewestOf & { readonly maxPosition?: bigint | undefined },
    ids: BigInt64Array,
    options: ReadOptions = {},
  ): Promise<readonly (readonly bigint[])[]> {
    checkNewest(list, ids);
    const { graphId, direction, count: limit, maxPosition } = list;
    const deadline = deadlineOf(options);
    const states = ranksOf(list);
    const answers: (readonly bigint[] | undefined)[] =
      (await this.options.caches?.newestIds({ ...list, ranks: states }, ids, deadline)) ?? [];
    const places = Array.from(ids.keys()).filter((place) => answers[place] === undefined);
    if (places.length > 0) {
      const found = await this.#reader.many(
        this.#heads,
        { graphId, direction, ids: BigInt64Array.from(places, (place) => ids[place]!) },
        (at) => ({ sourceId: ids[places[at]!]!, states, limit, maxPosition }),
        deadline,
      );
      for (const [at, place] of places.entries()) answers[place] = (found[at] ?? []).map(({ id }) => id);
    }
    return Array.from(ids, (_, place) => answers[place]!);
  }

  select(query: Query, page: PageRequest, options: ReadOptions = {}): Promise<IdPage> {
    return this.#queries.select(query, page, options);
  }

  explain(query: Query, page: PageRequest, options: ReadOptions = {}): Promise<Explanation> {
    return this.#queries.explain(query, page, options);
  }

  count(query: Query, options: ReadOptions = {}): Promise<bigint> {
    return this.#queries.count(query, options);
  }

  selectEdges(term: Term, page: PageRequest, options: ReadOptions = {}): Promise<EdgePage> {
    return this.#queries.selectEdges(term, page, options);
  }

  locate(graphId: number, id: bigint): readonly NodeLocation[] {
    parseId(id);
    requireGraph(this.gizzard.topology, graphId);
    return (['forward', 'backward'] as const).map((direction) => {
      const { table, hash, baseId, route } = this.gizzard.topology.locate(tableIdOf(graphId, direction), id);
      return {
        direction,
        tableId: table.tableId,
        hash,
        baseId,
        rootShard: shardKey(route.root.id),
        leaves: route.leaves.map((leaf) => ({
          shard: leaf.key,
          host: leaf.shard.id.hostname,
          read: leaf.read,
          write: leaf.write,
        })),
      };
    });
  }

  async journalTime(options: ReadOptions = {}): Promise<Micros> {
    return this.gizzard.jobs.journal.nowMicros(deadlineOf(options));
  }

  async journal(): Promise<JournalStatus> {
    return this.gizzard.jobs.status();
  }

  /** See `scanStarts`. */
  scanStarts(graphId: number): readonly string[] {
    return scanStarts(this.gizzard, graphId);
  }

  /** Roughly how many edges scans of a graph yield: more are written meanwhile. */
  async scanTotal(graphId: number, options: ReadOptions = {}): Promise<number> {
    return (await rowTotals(this.gizzard, graphId, 'forward', deadlineOf(options))).edges;
  }

  /** See `scan`. */
  scan(graphId: number, cursor: string, count: number, options?: ReadOptions): Promise<ScanPage> {
    return scan(this.gizzard, graphId, cursor, count, options);
  }

  /** See `scanEdges`. */
  scanEdges(graphId: number, count: number, options?: ReadOptions): AsyncGenerator<readonly StoredEdge[], void> {
    return scanEdges(this.gizzard, graphId, count, options);
  }

  /** See `checkGraph`. */
  check(graphId: number, options?: GraphCheckOptions): Promise<GraphCheckReport> {
    return checkGraph(this.gizzard, graphId, options);
  }

  /** Closes the cluster that this is part of. */
  async close(): Promise<void> {
    await (this.options.close?.() ?? this.gizzard.close());
  }
}

const pairsOf =
  (sourceIds: BigInt64Array, destinationIds: BigInt64Array) =>
  (place: number): IdPair => [sourceIds[place]!, destinationIds[place]!];

const countsByState = (byRank: readonly bigint[]): StateCounts =>
  Object.fromEntries(edgeStates.map((state, rank) => [state, byRank[rank] ?? 0n])) as Record<EdgeState, bigint>;
