import { limits, parseCount, parseId, type IdInput } from '../core/index.js';
import {
  edgeWritesToThrift,
  jsonReady,
  RoostFlockClient,
  type Direction,
  type Edge,
  type EdgeState,
  type EdgeWrites,
  type Node,
  type NodeLocation,
  type Operation,
  type RoostFlockModule,
  type StateCounts,
} from '../wire/index.js';
import type { GraphBatch, NodeOptions } from './batch.js';
import { writeColumns, writeEdges, type EdgeColumns, type EdgeSource } from './bulkWrite.js';
import type { CallOptions } from './channel.js';
import type { GraphChannel } from './graphChannel.js';
import { askWho, type ClusterService } from './clusterService.js';
import { checkedWrite, shapeOf, toColumns, type EdgeOptions, type EdgeWrite } from './edgeBatch.js';
import { Gatherer } from './gatherer.js';
import { GraphReads } from './graphReads.js';
import { ManyReads, pairColumns, type PairSource } from './manyReads.js';
import { nodeQuery, type NodeQuery, type SetOptions } from './nodeQuery.js';
import { sendBatch } from './sendBatch.js';
import { write } from './write.js';
import type { WriteCallOptions } from './writeCallOptions.js';

/** The service of graphs. */
export const graphsService: ClusterService<RoostFlockModule.Client> & { readonly store: string } = {
  store: 'flock',
  Client: RoostFlockClient,
  requestBytes: limits.flockRequestBytes,
  probe: (client) => client.list_graphs(),
  info: askWho,
};

export interface CountOptions extends DirectionOptions {
  /** Absent: normal ones. */
  readonly states?: readonly EdgeState[];
}

export interface DirectionOptions extends CallOptions {
  /** Absent: forward, the node's outgoing edges. */
  readonly direction?: Direction;
}

export interface ContainsOptions extends CallOptions {
  /** Absent: normal and negative. */
  readonly states?: readonly EdgeState[];
}

/**
 * Options of a gathered write, with the shape of its edges. Only writes with the same deadline travel together,
 * because a write is not accepted past its own.
 */
interface GatheredOptions extends WriteCallOptions {
  readonly shape: string;
}

const contained: readonly EdgeState[] = ['normal', 'negative'];

/**
 * One graph. Single calls made in the same turn with the same options travel together: await many at once rather than
 * one after the other, and they cost little more than one. Ids may be bigint, safe integer or decimal string, and
 * come back as bigint.
 *
 * Every method throws RoostError. A write that failed with `Unavailable` or `DeadlineExceeded` may have happened.
 * Repeating it is safe; without a time of its own it then counts as a write of the later moment.
 */
export class Graph {
  readonly #reads: GraphReads;
  readonly #many: ManyReads;
  readonly #writes: Gatherer<EdgeWrite, void, GatheredOptions>;

  constructor(
    private readonly channel: GraphChannel,
    readonly id: number,
    readonly name: string,
  ) {
    this.#reads = new GraphReads(channel, id);
    this.#many = new ManyReads(channel, id);
    this.#writes = new Gatherer(
      async (writes, { shape: _, ...options }) => {
        await this.#send(toColumns(id, writes), options);
        return new Array<void>(writes.length).fill(undefined);
      },
      limits.bulkWriteEdges,
      channel.deadlineMs,
    );
  }

  /** Makes the edge normal, at its position. Resolves once acknowledged. */
  add(source: IdInput, destination: IdInput, options: EdgeOptions & WriteCallOptions = {}): Promise<void> {
    return this.#write('add', source, destination, options);
  }

  remove(
    source: IdInput,
    destination: IdInput,
    options: Omit<EdgeOptions, 'position'> & WriteCallOptions = {},
  ): Promise<void> {
    return this.#write('remove', source, destination, options);
  }

  /** Hides the edge; it keeps its position. */
  archive(
    source: IdInput,
    destination: IdInput,
    options: Omit<EdgeOptions, 'position'> & WriteCallOptions = {},
  ): Promise<void> {
    return this.#write('archive', source, destination, options);
  }

  /** Makes the edge negative, at its position. */
  negate(source: IdInput, destination: IdInput, options: EdgeOptions & WriteCallOptions = {}): Promise<void> {
    return this.#write('negate', source, destination, options);
  }

  /**
   * A mass operation on all of the node's edges in a direction: makes them normal again, except removed ones. Edges
   * keep their positions, so that restoring a user restores the order of their lists. Like the other mass operations
   * it is acknowledged once it holds for every later write; existing edges follow page by page.
   */
  addAll(id: IdInput, options: NodeOptions & WriteCallOptions = {}): Promise<void> {
    return this.#writeAll('add', id, options);
  }

  /** Removes all edges that the node has at this time, for good: only a later write brings an edge back. */
  removeAll(id: IdInput, options: NodeOptions & WriteCallOptions = {}): Promise<void> {
    return this.#writeAll('remove', id, options);
  }

  /** Hides all of the node's edges, later ones included, until `addAll`. */
  archiveAll(id: IdInput, options: NodeOptions & WriteCallOptions = {}): Promise<void> {
    return this.#writeAll('archive', id, options);
  }

  /** Makes all of the node's edges negative, later ones included, until `addAll`. */
  negateAll(id: IdInput, options: NodeOptions & WriteCallOptions = {}): Promise<void> {
    return this.#writeAll('negate', id, options);
  }

  /**
   * Several operations in one call, accepted in order: all or none. At most `limits.operationsPerWrite`.
   * `Roost.batch` takes operations on several graphs.
   */
  batch(fill: (batch: GraphBatch) => unknown, options: WriteCallOptions = {}): Promise<void> {
    return sendBatch(this.channel, (batch) => fill(batch.in(this)), options);
  }

  /**
   * Writes any number of edges, given as `{ source, destination, position?, at? }` or `[source, destination]`, in
   * concurrent calls of `limits.bulkWriteEdges`. Returns how many were acknowledged, which is all of them. Not
   * atomic: if a call fails, other calls may have succeeded.
   */
  write(
    edges: EdgeSource,
    { operation = 'add', ...options }: WriteCallOptions & { readonly operation?: Operation } = {},
  ): Promise<number> {
    return writeEdges(this.id, operation, edges, (writes) => this.#send(writes, options));
  }

  /** Writes columns likewise. They must not change before it resolves. */
  async writeColumns(
    columns: EdgeColumns,
    { operation = 'add', ...options }: WriteCallOptions & { readonly operation?: Operation } = {},
  ): Promise<void> {
    await writeColumns(this.id, operation, columns, (writes) => this.#send(writes, options));
  }

  /** Whether the edge exists in one of `states`; absent: normal or negative. */
  async contains(
    source: IdInput,
    destination: IdInput,
    { states = contained, ...options }: ContainsOptions = {},
  ): Promise<boolean> {
    const state = await this.state(source, destination, options);
    return state !== undefined && states.includes(state);
  }

  /** Whether each pair has such an edge, in order. Up to `limits.idsPerCall` pairs travel in one call. */
  async containsMany(pairs: PairSource, { states = contained, ...options }: ContainsOptions = {}): Promise<boolean[]> {
    const found = await this.#many.states(pairColumns(pairs), options);
    return found.map((state) => state !== undefined && states.includes(state));
  }

  /** The edge of each pair, in order; undefined if it never existed. */
  async edgesOfMany(pairs: PairSource, options: CallOptions = {}): Promise<(Edge | undefined)[]> {
    return this.#many.edges(pairColumns(pairs), options);
  }

  /** The edge's state; undefined if it never existed. */
  async state(source: IdInput, destination: IdInput, options: CallOptions = {}): Promise<EdgeState | undefined> {
    return this.#reads.states.load(
      { sourceId: parseId(source, 'source'), destinationId: parseId(destination, 'destination') },
      options,
    );
  }

  /** The edge in any state; undefined if it never existed. */
  async get(source: IdInput, destination: IdInput, options: CallOptions = {}): Promise<Edge | undefined> {
    return this.#reads.edges.load(
      { sourceId: parseId(source, 'source'), destinationId: parseId(destination, 'destination') },
      options,
    );
  }

  /** How many edges a node has. */
  async count(id: IdInput, { states = ['normal'], ...options }: CountOptions = {}): Promise<bigint> {
    const counts = await this.counts(id, options);
    return [...new Set(states)].reduce((sum, state) => sum + counts[state], 0n);
  }

  /** How many edges a node has in each state. */
  async counts(id: IdInput, { direction = 'forward', ...options }: DirectionOptions = {}): Promise<StateCounts> {
    return this.#reads.counts.load(parseId(id), { direction, ...options });
  }

  /** The counts of many nodes, in order. Up to `limits.idsPerCall` nodes travel in one call. */
  async countsOfMany(
    ids: Iterable<IdInput>,
    { direction = 'forward', ...options }: DirectionOptions = {},
  ): Promise<StateCounts[]> {
    return this.#many.counts(idColumn(ids), direction, options);
  }

  /** A node's state after mass operations, and its counts; undefined if nothing was ever written. */
  async node(id: IdInput, options: DirectionOptions = {}): Promise<Node | undefined> {
    const [node] = await this.nodes([id], options);
    return node;
  }

  async nodes(
    ids: Iterable<IdInput>,
    { direction = 'forward', ...options }: DirectionOptions = {},
  ): Promise<(Node | undefined)[]> {
    return this.#many.nodes(idColumn(ids), direction, options);
  }

  /**
   * The first `count` edges of each node by position, greatest first; that is newest first unless positions were
   * given. Up to `limits.edgesPerCall` edges travel in one call.
   */
  async newestOfMany(
    ids: Iterable<IdInput>,
    count: number,
    { direction = 'forward', states = ['normal'], ...options }: CountOptions = {},
  ): Promise<Edge[][]> {
    return this.#many.newest(idColumn(ids), {
      ...options,
      direction,
      states,
      count: parseCount(count, 'count', 1, limits.pageSize),
    });
  }

  /** The destinations of a node's edges. Throws `InvalidArgument` for a bad id at once. */
  from(id: IdInput, options: SetOptions = {}): NodeQuery {
    return nodeQuery(this.channel, this.#reads, this.id, 'forward', id, options);
  }

  /** The sources of the edges that point to a node. */
  to(id: IdInput, options: SetOptions = {}): NodeQuery {
    return nodeQuery(this.channel, this.#reads, this.id, 'backward', id, options);
  }

  /** The shards and hosts of a node, forward and backward. */
  async locate(id: IdInput, options: CallOptions = {}): Promise<NodeLocation[]> {
    const node = parseId(id);
    const locations = await this.channel.call((client) => client.locate(this.id, node), options);
    return locations.map((location) =>
      jsonReady({
        direction: location.is_forward ? 'forward' : 'backward',
        tableId: location.table_id,
        hash: location.hash,
        baseId: location.base_id,
        rootShard: location.root_shard,
        leaves: location.leaves.map(({ shard, host, read_behavior: read, write_behavior: write }) => ({
          shard,
          host,
          read,
          write,
        })),
      }),
    );
  }

  async #write(
    operation: Operation,
    source: IdInput,
    destination: IdInput,
    { position, at, ...options }: EdgeOptions & WriteCallOptions,
  ): Promise<void> {
    const write = checkedWrite(operation, source, destination, {
      ...(position === undefined ? {} : { position }),
      ...(at === undefined ? {} : { at }),
    });
    return this.#writes.load(write, { ...options, shape: `${shapeOf(write)} ${options.deadlineMs ?? ''}` });
  }

  #writeAll(
    operation: Operation,
    id: IdInput,
    { direction, at, ...options }: NodeOptions & WriteCallOptions,
  ): Promise<void> {
    const node = { ...(direction === undefined ? {} : { direction }), ...(at === undefined ? {} : { at }) };
    return sendBatch(this.channel, (batch) => batch.node(this.id, operation, id, node), options);
  }

  async #send(writes: EdgeWrites, options: WriteCallOptions): Promise<void> {
    const columns = edgeWritesToThrift(writes);
    await write(this.channel, (client, onWire) => client.write_edges(columns, onWire), options);
  }
}

const idColumn = (ids: Iterable<IdInput>): BigInt64Array =>
  ids instanceof BigInt64Array ? ids : BigInt64Array.from(Array.from(ids, (id) => parseId(id)));
