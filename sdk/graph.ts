import { limits, parseCount, parseId, type IdInput } from '../core/index.js';
import {
  edgeWritesToThrift,
  jsonReady,
  type Direction,
  type Edge,
  type EdgeState,
  type EdgeWrites,
  type Node,
  type NodeLocation,
  type Operation,
  type StateCounts,
} from '../wire/index.js';
import type { GraphBatch, NodeOptions } from './batch.js';
import { writeColumns, writeEdges, type EdgeColumns, type EdgeSource } from './bulkWrite.js';
import type { CallOptions, Channel } from './channel.js';
import { checkedWrite, shapeOf, toColumns, type EdgeOptions, type EdgeWrite } from './edgeBatch.js';
import { Gatherer } from './gatherer.js';
import { GraphReads } from './graphReads.js';
import { ManyReads, pairColumns, type PairSource } from './manyReads.js';
import { nodeQuery, type NodeQuery, type SetOptions } from './nodeQuery.js';
import { sendBatch } from './sendBatch.js';
import { write } from './write.js';
import type { WriteCallOptions } from './writeCallOptions.js';

export interface CountOptions extends DirectionOptions {
  /** Absent: normal ones. */
  readonly states?: readonly EdgeState[];
}

export interface DirectionOptions extends CallOptions {
  /** Absent: forward, the nodes' own edges. */
  readonly direction?: Direction;
}

export interface ContainsOptions extends CallOptions {
  /** Absent: normal and negative. */
  readonly states?: readonly EdgeState[];
}

/** The options of a gathered write, and the shape of what it brings. Only writes of the same deadline go together, since none is accepted after its own. */
interface GatheredOptions extends WriteCallOptions {
  readonly shape: string;
}

const contained: readonly EdgeState[] = ['normal', 'negative'];

/**
 * One graph. Single calls that are made at the same time with the same options travel together: await many at once, rather than one
 * after the other, and they cost little more than one. Ids may be given as bigint, safe number or decimal string, and come back as bigint.
 *
 * Every method throws RoostError. A write that failed with `Unavailable` or `DeadlineExceeded` may have been made; repeating it is safe, and counts as a
 * write of that moment where it brings no time.
 */
export class Graph {
  readonly #reads: GraphReads;
  readonly #many: ManyReads;
  readonly #writes: Gatherer<EdgeWrite, void, GatheredOptions>;

  constructor(
    private readonly channel: Channel,
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

  /** Makes the edge normal, at its position. Resolves once the write is acknowledged. */
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
   * A mass operation, on all edges that the node has in a direction: makes them normal again, those that were removed excepted. They keep their
   * positions, so that restoring a user restores the order of their lists. Like the other three it is answered once it holds for every later write;
   * the edges follow page by page.
   */
  addAll(id: IdInput, options: NodeOptions & WriteCallOptions = {}): Promise<void> {
    return this.#writeAll('add', id, options);
  }

  /** Removes all edges that the node has at this time, for good: only a later write of an edge brings it back. */
  removeAll(id: IdInput, options: NodeOptions & WriteCallOptions = {}): Promise<void> {
    return this.#writeAll('remove', id, options);
  }

  /** Hides all edges of the node, later ones included, until `addAll`. */
  archiveAll(id: IdInput, options: NodeOptions & WriteCallOptions = {}): Promise<void> {
    return this.#writeAll('archive', id, options);
  }

  /** Makes all edges of the node negative, later ones included, until `addAll`. */
  negateAll(id: IdInput, options: NodeOptions & WriteCallOptions = {}): Promise<void> {
    return this.#writeAll('negate', id, options);
  }

  /**
   * Several operations in one call, in order: all of them are accepted or none is. At most `limits.operationsPerWrite`. `Roost.batch` takes
   * operations on several graphs.
   */
  batch(fill: (batch: GraphBatch) => unknown, options: WriteCallOptions = {}): Promise<void> {
    return sendBatch(this.channel, (batch) => fill(batch.in(this)), options);
  }

  /**
   * Writes any number of edges, given as `{ source, destination, position?, at? }` or `[source, destination]`, in calls of
   * `limits.bulkWriteEdges`, several at a time. Returns how many were acknowledged: all. Not atomic: when a call fails, others have been made.
   */
  write(
    edges: EdgeSource,
    { operation = 'add', ...options }: WriteCallOptions & { readonly operation?: Operation } = {},
  ): Promise<number> {
    return writeEdges(this.id, operation, edges, (writes) => this.#send(writes, options));
  }

  /** The same for columns. They must not change before it resolves. */
  async writeColumns(
    columns: EdgeColumns,
    { operation = 'add', ...options }: WriteCallOptions & { readonly operation?: Operation } = {},
  ): Promise<void> {
    await writeColumns(this.id, operation, columns, (writes) => this.#send(writes, options));
  }

  /** Whether the edge is there: in one of `states`, which is normal or negative where absent. */
  async contains(
    source: IdInput,
    destination: IdInput,
    { states = contained, ...options }: ContainsOptions = {},
  ): Promise<boolean> {
    const state = await this.state(source, destination, options);
    return state !== undefined && states.includes(state);
  }

  /** Whether each of the pairs is there, in their order; in one call up to `limits.idsPerCall` pairs. */
  async containsMany(pairs: PairSource, { states = contained, ...options }: ContainsOptions = {}): Promise<boolean[]> {
    const found = await this.#many.states(pairColumns(pairs), options);
    return found.map((state) => state !== undefined && states.includes(state));
  }

  /** The edge of each pair, in their order; undefined where there has never been one. */
  async edgesOfMany(pairs: PairSource, options: CallOptions = {}): Promise<(Edge | undefined)[]> {
    return this.#many.edges(pairColumns(pairs), options);
  }

  /** The edge's state; undefined where there has never been such an edge. */
  async state(source: IdInput, destination: IdInput, options: CallOptions = {}): Promise<EdgeState | undefined> {
    return this.#reads.states.load(
      { sourceId: parseId(source, 'source'), destinationId: parseId(destination, 'destination') },
      options,
    );
  }

  /** The edge, in whatever state; undefined where there has never been one. */
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

  /** The counts of many nodes, in their order; in one call up to `limits.idsPerCall` of them. */
  async countsOfMany(
    ids: Iterable<IdInput>,
    { direction = 'forward', ...options }: DirectionOptions = {},
  ): Promise<StateCounts[]> {
    return this.#many.counts(idColumn(ids), direction, options);
  }

  /** What mass operations have left on a node, and its counts; undefined where nothing was ever written of it. */
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

  /** The first `count` edges of each node, greatest position first, which is newest first unless positions were given; in one call up to `limits.edgesPerCall` edges. */
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

  /** The sources of the edges that lead to a node. */
  to(id: IdInput, options: SetOptions = {}): NodeQuery {
    return nodeQuery(this.channel, this.#reads, this.id, 'backward', id, options);
  }

  /** Where a node lives: once forward, once backward. */
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
