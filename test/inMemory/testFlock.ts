import {
  HybridClock,
  limits,
  maxInt64,
  minInt64,
  parseCount,
  parseId,
  RoostError,
  systemMicros,
  type Micros,
} from '../../core/index.js';
import {
  edgeStates,
  type Direction,
  type Edge,
  type EdgePage,
  type EdgeState,
  type EdgeWrites,
  type Explanation,
  type FlockService,
  type GraphInfo,
  type IdPage,
  type JournalStatus,
  type NewestOf,
  type Node,
  type NodeLocation,
  type Operation,
  type PageRequest,
  type Query,
  type ReadOptions,
  type StateCounts,
  type Term,
  type WriteBatch,
  type WriteOptions,
} from '../../flock/index.js';

const stateOf: Readonly<Record<Operation, EdgeState>> = {
  add: 'normal',
  negate: 'negative',
  archive: 'archived',
  remove: 'removed',
};

interface StoredEdge extends Edge {
  readonly positionAt: bigint;
}

/** A FlockService in memory, by the rules of single edges, for tests of the layers above it. */
export class TestFlock implements FlockService {
  /** Calls by method, so that a test can count what reached the service. */
  readonly calls: string[] = [];
  /** The options of the latest call. */
  lastOptions: ReadOptions | WriteOptions | undefined;
  /** Runs before every call; a test makes calls fail or wait with it. */
  before: (method: string) => Promise<void> | void = () => undefined;
  /** Ends every page after so many ids, as a query's budget does. */
  idsPerPage = Infinity;
  readonly #graphs: readonly GraphInfo[];
  readonly #edges = new Map<number, Map<string, StoredEdge>>();
  readonly #clock = new HybridClock();
  /** A node whose pages fail. */
  refused: bigint | undefined;

  constructor(names: readonly string[] = ['follows', 'blocks']) {
    this.#graphs = names.map((name, i) => ({ id: i + 1, name }));
  }

  graphs(): readonly GraphInfo[] {
    return this.#graphs;
  }

  graph(name: string): GraphInfo {
    const found = this.#graphs.find((graph) => graph.name === name);
    if (found === undefined) throw new RoostError('NotFound', `there is no graph ${name}`);
    return found;
  }

  async write(writes: EdgeWrites, options?: WriteOptions): Promise<void> {
    await this.#enter('write', options);
    this.#check([{ edges: writes }]);
    this.#apply(writes);
  }

  #check(batch: WriteBatch): void {
    const edges = batch.flatMap((write) => ('edges' in write ? [write.edges] : []));
    const nodes = batch.flatMap((write) => ('node' in write ? [write.node] : []));
    for (const { graphId } of [...edges, ...nodes]) this.#edgesOf(graphId);
    if (edges.reduce((sum, { sourceIds }) => sum + sourceIds.length, nodes.length) > limits.operationsPerWrite)
      throw new RoostError('InvalidArgument', 'too many operations');
    for (const { sourceIds, destinationIds } of edges) for (const id of [...sourceIds, ...destinationIds]) parseId(id);
    for (const { id } of nodes) parseId(id);
  }

  #apply(writes: EdgeWrites): void {
    const edges = this.#edgesOf(writes.graphId);
    const { sourceIds, destinationIds, operations } = writes;
    const now = this.#clock.now();
    sourceIds.forEach((sourceId, i) => {
      const destinationId = destinationIds[i]!;
      const operation = typeof operations === 'string' ? operations : operations[i]!;
      const at = writes.times?.[i] ?? now;
      const key = `${sourceId} ${destinationId}`;
      edges.set(
        key,
        merge(edges.get(key), { sourceId, destinationId, operation, at, position: writes.positions?.[i] ?? at }),
      );
    });
  }

  async execute(batch: WriteBatch, options?: WriteOptions): Promise<void> {
    await this.#enter('execute', options);
    this.#check(batch);
    for (const write of batch) {
      if ('edges' in write) {
        this.#apply(write.edges);
        continue;
      }
      // The operation applies to a snapshot, which is enough to see that a mass operation arrived. Colors are tested
      // on the real store.
      const { graphId, id, direction, operation, time } = write.node;
      const ends = this.#term({ graphId, direction, sourceId: id, states: edgeStates }).map((edge) =>
        direction === 'forward' ? edge.destinationId : edge.sourceId,
      );
      if (ends.length === 0) continue;
      const here = new BigInt64Array(ends.length).fill(id);
      const there = BigInt64Array.from(ends);
      const [sourceIds, destinationIds] = direction === 'forward' ? [here, there] : [there, here];
      this.#apply({
        graphId,
        operations: operation,
        sourceIds,
        destinationIds,
        ...(time === undefined ? {} : { times: new BigInt64Array(ends.length).fill(time) }),
      });
    }
  }

  async nodes(
    graphId: number,
    direction: Direction,
    ids: BigInt64Array,
    options?: ReadOptions,
  ): Promise<(Node | undefined)[]> {
    const counts = await this.counts(graphId, direction, ids, options);
    return counts.map((byState) =>
      Object.values(byState).every((count) => count === 0n)
        ? undefined
        : { color: 'normal', coloredAt: 0n, removedThrough: -1n, counts: byState },
    );
  }

  async explain(query: Query, page: PageRequest, options?: ReadOptions): Promise<Explanation> {
    const answer = await this.select(query, page, options);
    return {
      plan: query.kind,
      estimate: await this.count(query, options),
      page: answer,
      rowsRead: answer.ids.length,
      tookMs: 0,
      steps: [],
    };
  }

  async states(
    graphId: number,
    sourceIds: BigInt64Array,
    destinationIds: BigInt64Array,
    options?: ReadOptions,
  ): Promise<(EdgeState | undefined)[]> {
    await this.#enter('states', options);
    return this.#find(graphId, sourceIds, destinationIds).map((edge) => edge?.state);
  }

  async edges(
    graphId: number,
    sourceIds: BigInt64Array,
    destinationIds: BigInt64Array,
    options?: ReadOptions,
  ): Promise<(Edge | undefined)[]> {
    await this.#enter('edges', options);
    return this.#find(graphId, sourceIds, destinationIds);
  }

  async counts(
    graphId: number,
    direction: Direction,
    ids: BigInt64Array,
    options?: ReadOptions,
  ): Promise<StateCounts[]> {
    await this.#enter('counts', options);
    return Array.from(ids, (sourceId) => {
      const edges = this.#term({ graphId, direction, sourceId, states: edgeStates });
      const count = (state: EdgeState): bigint => BigInt(edges.filter((edge) => edge.state === state).length);
      return {
        normal: count('normal'),
        negative: count('negative'),
        archived: count('archived'),
        removed: count('removed'),
      };
    });
  }

  async newest(
    { count, ...list }: NewestOf,
    ids: BigInt64Array,
    options?: ReadOptions,
  ): Promise<readonly (readonly Edge[])[]> {
    await this.#enter('newest', options);
    return Array.from(ids, (sourceId) =>
      byPosition(this.#term({ ...list, sourceId }))
        .slice(0, count)
        .map((edge) => (list.direction === 'forward' ? edge : turned(edge))),
    );
  }

  async select(query: Query, page: PageRequest, options?: ReadOptions): Promise<IdPage> {
    await this.#enter('select', options);
    if (query.kind === 'term' && query.term.sourceId === this.refused)
      throw new RoostError('FailedPrecondition', `there is no page of ${this.refused}`);
    const entries = this.#run(query).map(({ id, key }) => ({ value: id, key }));
    const { values, nextCursor, prevCursor } = pageOf(entries, {
      ...page,
      count: Math.min(page.count, this.idsPerPage),
    });
    return {
      ids: BigInt64Array.from(values),
      nextCursor,
      prevCursor,
      partial: nextCursor !== 0n && values.length < page.count,
    };
  }

  async count(query: Query, options?: ReadOptions): Promise<bigint> {
    await this.#enter('count', options);
    return BigInt(this.#run(query).length);
  }

  async selectEdges(term: Term, page: PageRequest, options?: ReadOptions): Promise<EdgePage> {
    await this.#enter('selectEdges', options);
    const { values, ...cursors } = pageOf(
      byPosition(this.#term(term)).map((edge) => ({ value: edge, key: edge.position })),
      page,
    );
    if (term.direction === 'forward') return { edges: values, ...cursors };
    return { edges: values.map(turned), ...cursors };
  }

  locate(graphId: number, id: bigint): readonly NodeLocation[] {
    this.#edgesOf(graphId);
    const leaves = [{ shard: 'a/t1', host: 'a', read: 'allow', write: 'deny' }];
    return (['forward', 'backward'] as const).map((direction) => ({
      direction,
      tableId: direction === 'forward' ? graphId : -graphId,
      hash: id % 2n ** 60n,
      baseId: 0n,
      rootShard: 'root/t1',
      leaves,
    }));
  }

  async journalTime(): Promise<Micros> {
    return systemMicros();
  }

  async journal(): Promise<JournalStatus> {
    await this.#enter('journal', undefined);
    return { queued: { high: 1, medium: 2, low: 3 }, failing: 4, bad: 5 };
  }

  async #enter(method: string, options: ReadOptions | undefined): Promise<void> {
    this.calls.push(method);
    this.lastOptions = options;
    await this.before(method);
  }

  #edgesOf(graphId: number): Map<string, StoredEdge> {
    if (!this.#graphs.some(({ id }) => id === graphId))
      throw new RoostError('NotFound', `there is no graph ${graphId}`, { fields: { graph: graphId } });
    let edges = this.#edges.get(graphId);
    if (edges === undefined) this.#edges.set(graphId, (edges = new Map<string, StoredEdge>()));
    return edges;
  }

  #find(graphId: number, sourceIds: BigInt64Array, destinationIds: BigInt64Array): (Edge | undefined)[] {
    const edges = this.#edgesOf(graphId);
    return Array.from(sourceIds, (sourceId, i) => edges.get(`${parseId(sourceId)} ${parseId(destinationIds[i]!)}`));
  }

  #term({
    graphId,
    sourceId,
    direction,
    states,
    destinationIds,
    minPosition = minInt64,
    maxPosition = maxInt64,
  }: Term): Edge[] {
    parseId(sourceId);
    const forward = direction === 'forward';
    const wanted = destinationIds === undefined ? undefined : new Set(destinationIds);
    return [...this.#edgesOf(graphId).values()].filter(
      (edge) =>
        (forward ? edge.sourceId : edge.destinationId) === sourceId &&
        states.includes(edge.state) &&
        edge.position >= minPosition &&
        edge.position <= maxPosition &&
        (wanted === undefined || wanted.has(forward ? edge.destinationId : edge.sourceId)),
    );
  }

  /** Returns the ids of a query in the order of its pages, each with the key that the cursor counts by. */
  #run(query: Query): { id: bigint; key: bigint }[] {
    if (query.kind === 'term') {
      const { direction, destinationIds } = query.term;
      const entries = byPosition(this.#term(query.term)).map((edge) => ({
        id: direction === 'forward' ? edge.destinationId : edge.sourceId,
        key: edge.position,
      }));
      return destinationIds === undefined ? entries : byId(entries.map(({ id }) => id));
    }
    const left = this.#run(query.left).map(({ id }) => id);
    const right = new Set(this.#run(query.right).map(({ id }) => id));
    if (query.kind === 'union') return byId([...new Set([...left, ...right])]);
    return byId(left.filter((id) => right.has(id) === (query.kind === 'intersection')));
  }
}

function merge(
  old: StoredEdge | undefined,
  write: { sourceId: bigint; destinationId: bigint; operation: Operation; at: bigint; position: bigint },
): StoredEdge {
  const { sourceId, destinationId, operation, at } = write;
  const state = stateOf[operation];
  const sets = operation === 'add' || operation === 'negate';
  if (old === undefined)
    return {
      sourceId,
      destinationId,
      state,
      updatedAt: at,
      position: sets ? write.position : at,
      positionAt: sets ? at : minInt64,
    };
  const later =
    at > old.updatedAt || (at === old.updatedAt && edgeStates.indexOf(state) > edgeStates.indexOf(old.state));
  const moves = sets && (at > old.positionAt || (at === old.positionAt && write.position > old.position));
  return {
    ...old,
    ...(later ? { state, updatedAt: at } : {}),
    ...(moves ? { position: write.position, positionAt: at } : {}),
  };
}

const descending = (a: bigint, b: bigint): number => (a < b ? 1 : a > b ? -1 : 0);
const turned = (edge: Edge): Edge => ({ ...edge, sourceId: edge.destinationId, destinationId: edge.sourceId });
const byPosition = (edges: Edge[]): Edge[] =>
  edges.sort((a, b) => descending(a.position, b.position) || descending(a.destinationId, b.destinationId));
const byId = (ids: bigint[]): { id: bigint; key: bigint }[] => ids.sort(descending).map((id) => ({ id, key: id }));

function pageOf<T>(
  entries: readonly { value: T; key: bigint }[],
  { count, cursor }: PageRequest,
): { values: T[]; nextCursor: bigint; prevCursor: bigint } {
  parseCount(count, 'count', 1, limits.pageSize);
  const keyed = entries.map((entry) => entry.key);
  let start: number;
  if (cursor === -1n || cursor === 0n) start = 0;
  else if (cursor > 0n) start = indexWhere(keyed, (key) => key < cursor);
  else start = Math.max(0, indexWhere(keyed, (key) => key <= -cursor) - count);
  const end = Math.min(start + count, entries.length);
  return {
    values: entries.slice(start, end).map(({ value }) => value),
    nextCursor: end < entries.length ? keyed[end - 1]! : 0n,
    prevCursor: start > 0 ? -(keyed[start] ?? maxInt64) : 0n,
  };
}

const indexWhere = (keys: readonly bigint[], test: (key: bigint) => boolean): number => {
  const found = keys.findIndex(test);
  return found === -1 ? keys.length : found;
};
