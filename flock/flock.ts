import { checkTimes, journalWrite } from '../cluster/index.js';
import { type Deadline, inTurns, limits, parseCount, parseId, type Micros } from '../core/index.js';
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
  type NodeWrite,
  type PageRequest,
  type Query,
  type ReadOptions,
  type StateCounts,
  type Term,
  type WriteBatch,
  type WriteOptions,
} from '../wire/index.js';
import { checkGraph, type GraphCheckOptions, type GraphCheckReport } from './check/checkGraph.js';
import { checkBatch, checkCursor, checkDirection, checkIds, checkNewest, checkPairs, checkQuery } from './checks.js';
import type { FlockService } from './flockService.js';
import { EdgeReader } from './edgeReader.js';
import type { EdgeRecord } from './edgeRecord.js';
import { findGraph, graphsOf, planGraph, requireGraph, tableIdOf, type CreateGraphOptions } from './graphs.js';
import { checkIdsFit } from './idsThatFit.js';
import { encodeEdges, timesOfEdges } from './jobs/edgePayload.js';
import { jobKinds } from './jobs/kinds.js';
import { encodeNode, timeOfNode } from './jobs/nodePayload.js';
import type { EdgeCaches } from './cached/edgeCaches.js';
import { compile } from './query/compile.js';
import { edgesByPosition, pageById, pageByPosition, type Heads } from './query/page.js';
import { QueryRun } from './query/queryRun.js';
import { ranksOf } from './query/termSource.js';
import { rowTotals } from './rowTotals.js';
import { scan, scanEdges, scanStarts, type ScanPage, type StoredEdge } from './scan.js';
import { operationRank, stateOfRank } from './states.js';
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

/** A count of a compound query walks at most this many ids; a larger result is estimated. */
const countedIds = limits.pageSize;

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

  constructor(
    readonly gizzard: Gizzard,
    readonly options: FlockOptions = {},
  ) {
    this.#reader = new EdgeReader(gizzard, new FlockTables(gizzard.database));
    this.#states = this.#reader.gathered(readStates);
    this.#edges = this.#reader.gathered(readEdges);
    this.#nodes = this.#reader.gathered(readNodes);
    this.#heads = this.#reader.gathered(readHeads, rangesPerStatement);
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
    return inTurns(batch, (write) => ('edges' in write ? jobOfEdges(write.edges) : jobOfNode(write.node)));
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

  async select(query: Query, page: PageRequest, options: ReadOptions = {}): Promise<IdPage> {
    return this.#page(query, page, new QueryRun(deadlineOf(options)), this.#heads);
  }

  async explain(query: Query, page: PageRequest, options: ReadOptions = {}): Promise<Explanation> {
    const deadline = deadlineOf(options);
    const startMs = performance.now();
    const run = new QueryRun(deadline);
    const answer = await this.#page(query, page, run);
    const tookMs = performance.now() - startMs;
    const source = compile(this.#reader, query);
    return {
      plan: source.label,
      estimate: await source.estimate(new QueryRun(deadline)),
      page: answer,
      rowsRead: run.rowsRead,
      tookMs,
      steps: run.steps,
    };
  }

  async count(query: Query, options: ReadOptions = {}): Promise<bigint> {
    const run = new QueryRun(deadlineOf(options));
    checkQuery(query);
    const source = compile(this.#reader, query);
    if (isWholeList(query)) return source.estimate(run);
    const [walked, estimate] = await Promise.all([
      source.next(undefined, false, countedIds, run),
      source.estimate(run),
    ]);
    return walked.through === undefined ? BigInt(walked.ids.length) : estimate;
  }

  async selectEdges(term: Term, page: PageRequest, options: ReadOptions = {}): Promise<EdgePage> {
    const run = new QueryRun(deadlineOf(options));
    checkPage({ kind: 'term', term }, page);
    if (term.destinationIds === undefined) return edgesByPosition(this.#reader, term, page, run, this.#heads);
    const { ids, nextCursor, prevCursor } = await pageById(compile(this.#reader, { kind: 'term', term }), page, run);
    const pairs = Array.from(ids, (id) => [term.sourceId, id] as const);
    const edges = await this.#reader.node(term).read(run, 'probe', ids.length, async (session, tables, left) => {
      const found = await readEdges(session, tables, pairs, left);
      return pairs.map((_, place) => found.get(place)).filter((edge) => edge !== undefined);
    });
    return { edges, nextCursor, prevCursor };
  }

  async #page(query: Query, page: PageRequest, run: QueryRun, heads?: Heads): Promise<IdPage> {
    checkPage(query, page);
    if (query.kind === 'term' && query.term.destinationIds === undefined)
      return pageByPosition(
        this.#reader,
        query.term,
        page,
        run,
        heads,
        await this.options.caches?.newestOf(query.term, page.count, run),
      );
    return pageById(compile(this.#reader, query), page, run);
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

/** The times that writes bring. */
function* timesOf(batch: WriteBatch): Generator<Micros> {
  for (const write of batch) {
    if ('node' in write) {
      if (write.node.time !== undefined) yield write.node.time;
    } else if (write.edges.times !== undefined) yield* write.edges.times;
  }
}

/** Writes without times get theirs from the journal. */
const jobOfEdges = (writes: EdgeWrites): NewJob => ({
  kind: jobKinds.edges,
  payload: encodeEdges(writes),
  ...(writes.times === undefined ? { times: timesOfEdges(writes.sourceIds.length) } : {}),
});

const jobOfNode = ({ graphId, id, direction, operation, time }: NodeWrite): NewJob => ({
  kind: jobKinds.node,
  payload: encodeNode({ tableId: tableIdOf(graphId, direction), id, rank: operationRank[operation], time: time ?? 0n }),
  ...(time === undefined ? { times: timeOfNode } : {}),
});

function checkPage(query: Query, page: PageRequest): void {
  parseCount(page.count, 'the page count', 1, limits.pageSize);
  checkCursor(page);
  checkQuery(query);
}

const pairsOf =
  (sourceIds: BigInt64Array, destinationIds: BigInt64Array) =>
  (place: number): IdPair => [sourceIds[place]!, destinationIds[place]!];

/** Whether a query is all of a node's edges in some states, whose number the counters know. */
const isWholeList = (query: Query): boolean =>
  query.kind === 'term' &&
  query.term.destinationIds === undefined &&
  query.term.minPosition === undefined &&
  query.term.maxPosition === undefined;

const countsByState = (byRank: readonly bigint[]): StateCounts =>
  Object.fromEntries(edgeStates.map((state, rank) => [state, byRank[rank] ?? 0n])) as Record<EdgeState, bigint>;
