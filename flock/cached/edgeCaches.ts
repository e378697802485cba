import {
  LeasedCache,
  VectorCache,
  vectorOf,
  type CachePool,
  type Caches,
  type LoadMany,
  type Vector,
  type VectorChange,
} from '../../cache/index.js';
import { chunks, groupBy, type Deadline } from '../../core/index.js';
import { toldOfWrites, type GatheredReads, type Gizzard, type Movable, type WrittenRows } from '../../gizzard/index.js';
import type { Direction, Edge, NewestOf, Term } from '../../wire/index.js';
import type { EdgeRecord } from '../edgeRecord.js';
import { EdgeReader } from '../edgeReader.js';
import { flockConfig } from '../flockConfig.js';
import { ofTable, tableIdOf } from '../graphs.js';
import type { CompactId } from '../query/compactId.js';
import { QueryRun } from '../query/queryRun.js';
import { rankOf } from '../states.js';
import { applyEdges, type AppliedRow } from '../storage/applyEdges.js';
import { sweepPage } from '../storage/applyNode.js';
import type { EdgeWriter } from '../storage/edgeWriter.js';
import {
  rangesPerStatement,
  readById,
  readEdges,
  readHeads,
  type EdgeEntry,
  type ListHead,
  type IdPair,
} from '../storage/readEdges.js';
import { edgeCodec } from './edgeCodec.js';
import { edgeKey, nodeKey, parseEdgeKey, parseNodeKey } from './edgeKeys.js';
import { fromNewest } from './newestEdges.js';
import { FlockTables } from '../storage/flockTables.js';

/** Entries removed by one round trip to each node. */
const forgottenAtOnce = 1_000;

/** The ranks of the states whose edges stand in a cached list. */
const listed = [rankOf.normal, rankOf.negative, rankOf.archived];

interface Reads {
  readonly reader: EdgeReader;
  readonly edges: GatheredReads<IdPair, Edge>;
  readonly heads: GatheredReads<ListHead, EdgeEntry[]>;
}

/**
 * The caches of graphs: the newest edges of each node in each direction, except removed ones; and single edges, as
 * they are read. Every write to a cached graph must go through this: docs/decisions/0033.
 */
export class EdgeCaches implements EdgeWriter {
  /** By `nodeKey`. An entry's kind is the rank of its state. */
  readonly newest: VectorCache<string>;
  /** By `edgeKey`. Writes remove the entries. */
  readonly edges: LeasedCache<string, Edge>;
  readonly #reads: Reads;
  /** Whether graphs are cached that no store decides on. */
  readonly #byDefault: boolean;
  /** Graphs that other stores own, by name, and whether they are cached. */
  readonly #ofStores = new Map<string, boolean>();

  constructor(
    pool: CachePool,
    { config, firstLevel }: Pick<Caches, 'config' | 'firstLevel'>,
    private readonly gizzard: Gizzard,
  ) {
    const reader = new EdgeReader(gizzard, new FlockTables(gizzard.database));
    this.#reads = { reader, edges: reader.gathered(readEdges), heads: reader.gathered(readHeads, rangesPerStatement) };
    const { graphs, listIds } = flockConfig.of(gizzard.config).cache;
    this.#byDefault = graphs;
    const life = { ttlSeconds: config.ttlSeconds, absentTtlSeconds: config.absentTtlSeconds, ...firstLevel };
    this.newest = new VectorCache(pool, { ...life, name: 'newest', maxCount: listIds, load: this.#loadNewest });
    this.edges = new LeasedCache(pool, { ...life, name: 'edges', codec: edgeCodec, load: this.#loadEdges });
  }

  /**
   * Lets a store decide whether its own graphs are cached, whatever `cache.graphs` says. Must be the same in every
   * process of the cluster.
   */
  decide(graphs: readonly string[], cached: boolean): void {
    for (const graph of graphs) this.#ofStores.set(graph, cached);
  }

  /** Whether a table belongs to a cached graph. */
  has(tableId: number): boolean {
    return this.#ofStores.get(this.gizzard.topology.table(tableId).name) ?? this.#byDefault;
  }

  /** Whether any graph may be cached. */
  get any(): boolean {
    return this.#byDefault || [...this.#ofStores.values()].includes(true);
  }

  /** `applyEdges`, with its effect on the caches. */
  readonly applyEdges: EdgeWriter['applyEdges'] = async (host, tables, writes, deadline, leaf) => {
    const cached = writes.filter(({ tableId }) => this.has(tableId));
    if (cached.length === 0) return applyEdges(host, tables, writes, deadline);
    let applied!: AppliedRow[];
    await this.newest.through(
      [...new Set(cached.map(({ tableId, sourceId }) => nodeKey(tableId, sourceId)))],
      async () => {
        const current = await this.gizzard.isCurrent(leaf);
        applied = await applyEdges(host, tables, writes, deadline);
        // A replica that lacks newer writes may take as a change what another knows to be over.
        return current ? changesOf(applied) : new Map<string, VectorChange>();
      },
    );
    await this.#forgetPairs(cached);
    return applied;
  };

  /** `sweepPage`; the node's list is then reloaded, because a page holds more edges than a list. */
  readonly sweepPage: EdgeWriter['sweepPage'] = async (host, tables, tableId, id, after, deadline) => {
    const page = await sweepPage(host, tables, tableId, id, after, deadline);
    if (page.records.length > 0 && this.has(tableId)) {
      await this.newest.invalidate([nodeKey(tableId, id)]);
      await this.#forgetPairs(page.records);
    }
    return page;
  };

  readonly forgetEdges: EdgeWriter['forgetEdges'] = async (records) => {
    const cached = records.filter(({ tableId }) => this.has(tableId));
    if (cached.length === 0) return;
    await this.newest.invalidate([...new Set(cached.map(({ tableId, sourceId }) => nodeKey(tableId, sourceId)))]);
    await this.#forgetPairs(cached);
  };

  /** The newest edges of a term's node. Undefined if they are not cached, or the page may reach past them. */
  async newestOf(
    { graphId, direction, sourceId, states }: Term,
    count: number,
    run: QueryRun,
  ): Promise<Vector | undefined> {
    const tableId = tableIdOf(graphId, direction);
    if (count > this.newest.of.maxCount || states.includes('removed') || !this.has(tableId)) return undefined;
    const startMs = performance.now();
    const newest = await this.newest.getOne(nodeKey(tableId, sourceId), run.deadline);
    run.record({
      kind: 'cached',
      shard: '',
      host: '',
      asked: count,
      rows: newest!.ids.length,
      tookMs: performance.now() - startMs,
    });
    return newest;
  }

  /**
   * The other ends of many nodes' newest edges, by place; undefined where the cache cannot tell, and for all nodes of
   * a graph that is not cached.
   */
  async newestIds(
    {
      graphId,
      direction,
      states,
      ranks,
      count,
      maxPosition,
    }: NewestOf & { readonly ranks: readonly number[]; readonly maxPosition?: bigint | undefined },
    ids: BigInt64Array,
    deadline: Deadline,
  ): Promise<(readonly bigint[] | undefined)[] | undefined> {
    const tableId = tableIdOf(graphId, direction);
    if (count > this.newest.of.maxCount || states.includes('removed') || !this.has(tableId)) return undefined;
    const keys = Array.from(ids, (id) => nodeKey(tableId, id));
    const found = await this.newest.get(keys, deadline);
    return keys.map((key) =>
      fromNewest(found.get(key)!, { maxPosition }, ranks, undefined, { older: true, inclusive: false }, count)?.map(
        ({ id }) => id,
      ),
    );
  }

  /**
   * For each list, which of the ids are at the other ends of its node's normal edges, and which the cache cannot
   * tell. Undefined for lists of graphs that are not cached.
   */
  async related(
    lists: readonly { readonly graphId: number; readonly direction: Direction; readonly nodeId: bigint }[],
    ids: BigInt64Array,
    deadline: Deadline,
  ): Promise<({ readonly found: ReadonlySet<bigint>; readonly unknown: BigInt64Array } | undefined)[]> {
    const keys = lists.map(({ graphId, direction, nodeId }) => {
      const tableId = tableIdOf(graphId, direction);
      return this.has(tableId) ? nodeKey(tableId, nodeId) : undefined;
    });
    const asked = [...new Set(keys.filter((key) => key !== undefined))];
    if (asked.length === 0) return [];
    const vectors = await this.newest.get(asked, deadline);
    return keys.map((key) => {
      const vector = key === undefined ? undefined : vectors.get(key);
      if (vector === undefined) return undefined;
      const places = new Map(Array.from(vector.ids, (id, place) => [id, place]));
      const found = new Set<bigint>();
      for (const id of ids) {
        const place = places.get(id);
        if (place !== undefined && (vector.kinds?.[place] ?? rankOf.normal) === rankOf.normal) found.add(id);
      }
      return { found, unknown: vector.complete ? new BigInt64Array(0) : ids.filter((id) => !places.has(id)) };
    });
  }

  /** The edges of pairs, by place. */
  async edgesAt(graphId: number, pairs: readonly IdPair[], deadline: Deadline): Promise<(Edge | undefined)[]> {
    const keys = pairs.map((pair) => edgeKey(graphId, pair));
    const found = await this.edges.get(keys, deadline);
    return keys.map((key) => found.get(key));
  }

  /** How shards are moved, with the effect on the caches. */
  readonly moving = (movable: Movable): Movable =>
    toldOfWrites(
      movable,
      () => this.gizzard.topology,
      (written) => this.forget(written),
    );

  /** Removes cached entries of rows that a copy or repair has written. */
  async forget({ table, keys, tableId, deadline }: WrittenRows): Promise<void> {
    if (!this.has(tableId)) return;
    const ends = keys.map((key) => key.split(',').map(BigInt));
    await this.newest.invalidate([...new Set(ends.map(([sourceId]) => nodeKey(tableId, sourceId!)))]);
    if (tableId < 0) return;
    // A node's own row determines what readers see of all its edges.
    const pairs =
      table === 'nodes'
        ? (await Promise.all(ends.map(([sourceId]) => this.#pairsOf(tableId, sourceId!, deadline)))).flat()
        : ends;
    for (const part of chunks<IdPair | readonly bigint[]>(pairs, forgottenAtOnce))
      await this.edges.invalidate(part.map(([sourceId, destinationId]) => edgeKey(tableId, [sourceId, destinationId])));
  }

  async #pairsOf(graphId: number, sourceId: bigint, deadline: Deadline): Promise<IdPair[]> {
    const node = this.#reads.reader.node({ graphId, direction: 'forward', sourceId });
    const run = new QueryRun(deadline);
    const pairs: IdPair[] = [];
    let beyond: CompactId | undefined;
    do {
      const ids = await node.read(run, 'scan', forgottenAtOnce, (session, tables, left) =>
        readById(session, tables, { sourceId }, Object.values(rankOf), beyond, true, forgottenAtOnce, left),
      );
      pairs.push(...ids.map((id): IdPair => [sourceId, BigInt(id)]));
      beyond = ids.length < forgottenAtOnce ? undefined : ids.at(-1);
    } while (beyond !== undefined);
    return pairs;
  }

  async #forgetPairs(records: readonly EdgeRecord[]): Promise<void> {
    // Edges are read from the forward tables only.
    const keys = records.flatMap(({ tableId, sourceId, destinationId }) =>
      tableId > 0 ? [edgeKey(tableId, [sourceId, destinationId])] : [],
    );
    if (keys.length > 0) await this.edges.invalidate(keys);
  }

  readonly #loadNewest: LoadMany<string, Vector> = async (keys, deadline) => {
    const { maxCount } = this.newest.of;
    const { reader, heads } = this.#reads;
    const byTable = groupBy(
      keys.map((key) => ({ key, ...parseNodeKey(key) })),
      ({ tableId }) => tableId,
    );
    const found = new Map<string, Vector>();
    await Promise.all(
      Array.from(byTable, async ([tableId, nodes]) => {
        const ids = BigInt64Array.from(nodes, ({ id }) => id);
        const lists = await reader.many(
          heads,
          { ...ofTable(tableId), ids },
          (place) => ({ sourceId: ids[place]!, states: listed, limit: maxCount + 1 }),
          deadline,
        );
        for (const [place, { key }] of nodes.entries()) {
          const entries = lists[place] ?? [];
          found.set(
            key,
            vectorOf(
              entries.slice(0, maxCount).map(({ id, position, state }) => ({ id, position, kind: state })),
              entries.length <= maxCount,
            ),
          );
        }
      }),
    );
    return found;
  };

  readonly #loadEdges: LoadMany<string, Edge> = async (keys, deadline) => {
    const { reader, edges } = this.#reads;
    const byGraph = groupBy(
      keys.map((key) => ({ key, ...parseEdgeKey(key) })),
      ({ graphId }) => graphId,
    );
    const found = new Map<string, Edge>();
    await Promise.all(
      Array.from(byGraph, async ([graphId, parts]) => {
        const ids = BigInt64Array.from(parts, ({ pair }) => pair[0]);
        const values = await reader.many(
          edges,
          { graphId, direction: 'forward', ids },
          (place) => parts[place]!.pair,
          deadline,
        );
        for (const [place, edge] of values.entries()) if (edge !== undefined) found.set(parts[place]!.key, edge);
      }),
    );
    return found;
  };
}

/** The effect of a write on the lists of its nodes. */
function changesOf(applied: readonly AppliedRow[]): Map<string, VectorChange> {
  const changes = new Map<
    string,
    { added: { id: bigint; position: bigint; kind: number }[]; removed: bigint[]; repeated: boolean }
  >();
  for (const { record, visible, changed } of applied) {
    const key = nodeKey(record.tableId, record.sourceId);
    let change = changes.get(key);
    if (change === undefined) changes.set(key, (change = { added: [], removed: [], repeated: false }));
    if (visible === rankOf.removed) change.removed.push(record.destinationId);
    else change.added.push({ id: record.destinationId, position: record.position, kind: visible });
    change.repeated ||= !changed;
  }
  return changes;
}
