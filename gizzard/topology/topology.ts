import { groupBy, RoostError } from '../../core/index.js';
import { keyHash, type KeyHash } from '../hashes/index.js';
import { compileRoute, type Route } from '../routing/route.js';
import { checkInt32, checkText, checkWeight, unsound } from './checks.js';
import { ShardGraph, type ShardNode } from './shardGraph.js';
import {
  shardKey,
  type Forwarding,
  type HostWeight,
  type Link,
  type ShardId,
  type ShardInfo,
  type TableInfo,
  type TopologyState,
} from './types.js';

const fullWeight: Omit<HostWeight, 'hostname'> = { read: 1, write: 1 };

/** One table's forwardings, ready for search: base i forwards to root i, ascending. */
interface ForwardingTable {
  readonly info: TableInfo;
  readonly hash: KeyHash;
  readonly bases: BigInt64Array;
  /**
   * The bases as doubles, which are searched several times as fast. Different bases may look equal, but never out of
   * order.
   */
  readonly roughly: Float64Array;
  readonly roots: readonly ShardNode[];
  /** The routes compiled so far. */
  readonly routes: (Route | undefined)[];
}

/** The place of a key. */
export interface Location {
  readonly table: TableInfo;
  readonly hash: bigint;
  readonly baseId: bigint;
  readonly route: Route;
}

/**
 * The topology as one immutable snapshot, which a process replaces as a whole. The constructor checks that it is
 * consistent, so that nothing is written to nowhere: every link and forwarding names existing shards, no shard is its
 * own ancestor, every forwarded tree ends in leaves, and names and numbers fit the name server's columns. Throws
 * `FailedPrecondition` and, for what cannot be stored, `InvalidArgument`.
 */
export class Topology {
  readonly version: number;
  readonly #graph: ShardGraph;
  readonly #hostWeights = new Map<string, HostWeight>();
  readonly #tables = new Map<number, ForwardingTable>();
  /** Compiled on demand: a process seldom needs all of them, and a reload should be cheap. */
  readonly #routes = new Map<ShardNode, Route>();

  constructor(readonly state: TopologyState) {
    this.version = state.version;
    this.#graph = new ShardGraph(state.shards, state.links);
    for (const weight of state.hostWeights) {
      checkText(weight.hostname, 1, 64, () => 'the name of a host');
      checkWeight(weight.read, () => `the read weight of host ${weight.hostname}`);
      checkWeight(weight.write, () => `the write weight of host ${weight.hostname}`);
      this.#hostWeights.set(weight.hostname, weight);
    }
    const byTable = groupBy(state.forwardings, ({ tableId }) => tableId);
    for (const info of state.tables)
      this.#tables.set(info.tableId, this.#forwardingTable(info, byTable.get(info.tableId) ?? []));
    for (const tableId of byTable.keys()) {
      if (!this.#tables.has(tableId))
        throw unsound(`table ${tableId} has forwardings but is not registered`, { table: tableId });
    }
  }

  get tables(): readonly TableInfo[] {
    return this.state.tables;
  }

  table(tableId: number): TableInfo {
    return this.#forwardings(tableId).info;
  }

  hasShard(id: ShardId): boolean {
    return this.#graph.find(id) !== undefined;
  }

  /** Throws `NotFound`. */
  shard(id: ShardId): ShardInfo {
    return this.#node(id).shard;
  }

  children(id: ShardId): readonly Link[] {
    return this.#graph.find(id)?.below.map(({ link }) => link) ?? [];
  }

  parents(id: ShardId): readonly Link[] {
    return this.#graph.above(id);
  }

  hostWeight(hostname: string): Omit<HostWeight, 'hostname'> {
    return this.#hostWeights.get(hostname) ?? fullWeight;
  }

  /** Whether every value of the table's hash has a forwarding. */
  covers(tableId: number): boolean {
    return this.#tables.get(tableId)?.bases[0] === 0n;
  }

  /** The route of a key. Throws `NotFound` with table and key if no forwarding covers it. */
  route(tableId: number, key: bigint): Route {
    const table = this.#forwardings(tableId);
    return this.#routeAt(table, this.#search(table, table.hash.hash(key), key));
  }

  locate(tableId: number, key: bigint): Location {
    const table = this.#forwardings(tableId);
    const hash = table.hash.hash(key);
    const index = this.#search(table, hash, key);
    return { table: table.info, hash, baseId: table.bases[index]!, route: this.#routeAt(table, index) };
  }

  /** Every route of a table, by base id. */
  routes(tableId: number): readonly Route[] {
    const table = this.#forwardings(tableId);
    return table.roots.map((_, index) => this.#routeAt(table, index));
  }

  /** Every route with the first hash that it serves. */
  intervals(tableId: number): readonly { readonly baseId: bigint; readonly route: Route }[] {
    const table = this.#forwardings(tableId);
    return table.roots.map((_, index) => ({ baseId: table.bases[index]!, route: this.#routeAt(table, index) }));
  }

  /** The route of the tree below a shard, whether or not anything forwards to it. Throws `NotFound`. */
  routeOf(id: ShardId): Route {
    return this.#route(this.#node(id));
  }

  #routeAt(table: ForwardingTable, index: number): Route {
    return (table.routes[index] ??= this.#route(table.roots[index]!));
  }

  #route(root: ShardNode): Route {
    let route = this.#routes.get(root);
    if (route === undefined)
      this.#routes.set(root, (route = compileRoute(root, (hostname) => this.hostWeight(hostname))));
    return route;
  }

  #node(id: ShardId): ShardNode {
    const found = this.#graph.find(id);
    if (found !== undefined) return found;
    throw new RoostError('NotFound', `there is no shard ${shardKey(id)}`, { fields: { shard: shardKey(id) } });
  }

  #forwardings(tableId: number): ForwardingTable {
    const table = this.#tables.get(tableId);
    if (table !== undefined) return table;
    throw new RoostError('NotFound', `there is no table ${tableId}`, { fields: { table: tableId } });
  }

  /** The last base at or below the hash. */
  #search(table: ForwardingTable, hash: bigint, key: bigint): number {
    const { bases, roughly } = table;
    const rough = Number(hash);
    let low = 0;
    let high = roughly.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (roughly[middle]! <= rough) low = middle + 1;
      else high = middle;
    }
    while (low > 0 && bases[low - 1]! > hash) low--;
    if (low > 0) return low - 1;
    throw new RoostError(
      'NotFound',
      `table ${table.info.tableId} (${table.info.name}) has no forwarding for key ${key} (hash ${hash})`,
      {
        fields: { table: table.info.tableId, key, hash },
      },
    );
  }

  #forwardingTable(info: TableInfo, forwardings: readonly Forwarding[]): ForwardingTable {
    checkInt32(info.tableId, -(2 ** 31), () => 'the number of a table');
    checkText(info.name, 1, 64, () => `the name of table ${info.tableId}`);
    checkText(info.service, 1, 32, () => `the service of table ${info.tableId}`);
    const hash = keyHash(info.hash);
    const sorted = [...forwardings].sort((a, b) => (a.baseId < b.baseId ? -1 : 1));
    const bases = BigInt64Array.from(sorted, (forwarding) => forwarding.baseId);
    const roots = sorted.map(({ baseId, shard }, index) => {
      const refuse = (message: string): never => {
        throw unsound(message, { table: info.tableId, base: baseId, shard: shardKey(shard) });
      };
      const root =
        this.#graph.find(shard) ??
        refuse(`table ${info.tableId} forwards ${baseId} to ${shardKey(shard)}, which does not exist`);
      if (baseId < 0n || baseId > hash.maxHash)
        refuse(`base ${baseId} of table ${info.tableId} is outside 0 … ${hash.maxHash}`);
      if (index > 0 && bases[index - 1] === baseId) refuse(`table ${info.tableId} forwards ${baseId} twice`);
      if (root.treeSize > maxTreeSize) refuse(`the tree of ${shardKey(shard)} has more than ${maxTreeSize} nodes`);
      return root;
    });
    return {
      info,
      hash,
      bases,
      roughly: Float64Array.from(bases, Number),
      roots,
      routes: new Array<Route | undefined>(roots.length),
    };
  }
}

/** Paths that keep meeting would make an endless tree; a real one has a handful of nodes. */
const maxTreeSize = 10_000;
