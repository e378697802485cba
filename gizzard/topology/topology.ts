import { RoostError } from '../../core/index.js';
import { keyHash, type KeyHash } from '../hashes/index.js';
import { nodeType } from '../nodes/index.js';
import { compileRoute, type Route } from '../routing/route.js';
import {
  shardKey,
  validShardId,
  type Forwarding,
  type HostWeight,
  type Link,
  type ShardId,
  type ShardInfo,
  type TableInfo,
  type TopologyState,
} from './types.js';

const fullWeight: Omit<HostWeight, 'hostname'> = { read: 1, write: 1 };

/** One table's forwardings, ready for search: base i belongs to route i, in ascending order. */
interface ForwardingTable {
  readonly info: TableInfo;
  readonly hash: KeyHash;
  readonly bases: BigInt64Array;
  readonly routes: readonly Route[];
}

/** Where a key goes. */
export interface Location {
  readonly table: TableInfo;
  readonly hash: bigint;
  readonly baseId: bigint;
  readonly route: Route;
}

/**
 * The topology as one immutable snapshot: a process swaps it whole. Construction checks that it is sound, so that nothing is written to nowhere:
 * every link and forwarding names shards that exist, no shard is its own ancestor, every path of a forwarding ends in a leaf, and names and numbers fit
 * the name server's columns. Throws `FailedPrecondition` and, for what can never be stored, `InvalidArgument`.
 */
export class Topology {
  readonly version: number;
  readonly #shards = new Map<string, ShardInfo>();
  readonly #children = new Map<string, Link[]>();
  readonly #parents = new Map<string, Link[]>();
  readonly #hostWeights = new Map<string, HostWeight>();
  readonly #tables = new Map<number, ForwardingTable>();

  constructor(readonly state: TopologyState) {
    this.version = state.version;
    for (const shard of state.shards) {
      validShardId(shard.id);
      checkText(shard.type, 1, 64, `the type of shard ${shardKey(shard.id)}`);
      checkText(shard.sourceType, 0, 32, `the source type of shard ${shardKey(shard.id)}`);
      checkText(shard.destinationType, 0, 32, `the destination type of shard ${shardKey(shard.id)}`);
      this.#shards.set(shardKey(shard.id), shard);
    }
    for (const weight of state.hostWeights) {
      checkText(weight.hostname, 1, 64, 'the name of a host');
      checkWeight(weight.read, `the read weight of host ${weight.hostname}`);
      checkWeight(weight.write, `the write weight of host ${weight.hostname}`);
      this.#hostWeights.set(weight.hostname, weight);
    }
    for (const link of state.links) {
      const what = `the link ${shardKey(link.parent)} → ${shardKey(link.child)}`;
      checkInt32(link.weight, 0, `the weight of ${what}`);
      for (const end of [link.parent, link.child]) {
        if (!this.hasShard(end)) throw unsound(`${what} names ${shardKey(end)}, which does not exist`, { shard: shardKey(end) });
      }
      const { type } = this.shard(link.parent);
      if (nodeType(type) === undefined) {
        throw unsound(`${shardKey(link.parent)} holds data (${type}) and cannot have children`, { shard: shardKey(link.parent) });
      }
      append(this.#children, shardKey(link.parent), link);
      append(this.#parents, shardKey(link.child), link);
    }
    this.#refuseCycles();
    const byTable = new Map<number, Forwarding[]>();
    for (const forwarding of state.forwardings) append(byTable, forwarding.tableId, forwarding);
    const routes = new Map<string, Route>();
    for (const info of state.tables) this.#tables.set(info.tableId, this.#forwardingTable(info, byTable.get(info.tableId) ?? [], routes));
    for (const tableId of byTable.keys()) {
      if (!this.#tables.has(tableId)) throw unsound(`table ${tableId} has forwardings but is not registered`, { table: tableId });
    }
  }

  get tables(): readonly TableInfo[] {
    return this.state.tables;
  }

  table(tableId: number): TableInfo {
    return this.#forwardings(tableId).info;
  }

  hasShard(id: ShardId): boolean {
    return this.#shards.has(shardKey(id));
  }

  /** Throws `NotFound`. */
  shard(id: ShardId): ShardInfo {
    const found = this.#shards.get(shardKey(id));
    if (found !== undefined) return found;
    throw new RoostError('NotFound', `there is no shard ${shardKey(id)}`, { fields: { shard: shardKey(id) } });
  }

  children(id: ShardId): readonly Link[] {
    return this.#children.get(shardKey(id)) ?? [];
  }

  parents(id: ShardId): readonly Link[] {
    return this.#parents.get(shardKey(id)) ?? [];
  }

  hostWeight(hostname: string): Omit<HostWeight, 'hostname'> {
    return this.#hostWeights.get(hostname) ?? fullWeight;
  }

  /** Whether every value that the table's hash can give has a forwarding. */
  covers(tableId: number): boolean {
    return this.#tables.get(tableId)?.bases[0] === 0n;
  }

  /** The route of a key. Throws `NotFound` naming table and key where no forwarding covers it. */
  route(tableId: number, key: bigint): Route {
    const table = this.#forwardings(tableId);
    return table.routes[this.#search(table, table.hash.hash(key), key)]!;
  }

  locate(tableId: number, key: bigint): Location {
    const table = this.#forwardings(tableId);
    const hash = table.hash.hash(key);
    const index = this.#search(table, hash, key);
    return { table: table.info, hash, baseId: table.bases[index]!, route: table.routes[index]! };
  }

  /** Every route of a table, in the order of the bases. */
  routes(tableId: number): readonly Route[] {
    return this.#forwardings(tableId).routes;
  }

  #forwardings(tableId: number): ForwardingTable {
    const table = this.#tables.get(tableId);
    if (table !== undefined) return table;
    throw new RoostError('NotFound', `there is no table ${tableId}`, { fields: { table: tableId } });
  }

  /** The last base at or below the hash. */
  #search(table: ForwardingTable, hash: bigint, key: bigint): number {
    const { bases } = table;
    let low = 0;
    let high = bases.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (bases[middle]! <= hash) low = middle + 1;
      else high = middle;
    }
    if (low > 0) return low - 1;
    throw new RoostError('NotFound', `table ${table.info.tableId} (${table.info.name}) has no forwarding for key ${key} (hash ${hash})`, {
      fields: { table: table.info.tableId, key, hash },
    });
  }

  /** `routes` holds what is compiled already: forwardings to one root share its route. */
  #forwardingTable(info: TableInfo, forwardings: readonly Forwarding[], routes: Map<string, Route>): ForwardingTable {
    checkInt32(info.tableId, -(2 ** 31), 'the number of a table');
    checkText(info.name, 1, 64, `the name of table ${info.tableId}`);
    checkText(info.service, 1, 32, `the service of table ${info.tableId}`);
    const sorted = [...forwardings].sort((a, b) => (a.baseId < b.baseId ? -1 : 1));
    const hash = keyHash(info.hash);
    for (const [index, forwarding] of sorted.entries()) {
      const where = { table: info.tableId, base: forwarding.baseId, shard: shardKey(forwarding.shard) };
      if (!this.hasShard(forwarding.shard)) throw unsound(`table ${info.tableId} forwards ${forwarding.baseId} to ${shardKey(forwarding.shard)}, which does not exist`, where);
      if (forwarding.baseId < 0n || forwarding.baseId > hash.maxHash) throw unsound(`base ${forwarding.baseId} of table ${info.tableId} is outside 0 … ${hash.maxHash}`, where);
      if (index > 0 && sorted[index - 1]!.baseId === forwarding.baseId) throw unsound(`table ${info.tableId} forwards ${forwarding.baseId} twice`, where);
    }
    return {
      info,
      hash,
      bases: BigInt64Array.from(sorted, (forwarding) => forwarding.baseId),
      routes: sorted.map(({ shard }) => {
        const route = routes.get(shardKey(shard)) ?? compileRoute(this, shard);
        routes.set(shardKey(shard), route);
        return route;
      }),
    };
  }

  /** Kahn's algorithm: what is left when all that have no parent left are taken away lies on a cycle. */
  #refuseCycles(): void {
    const waiting = new Map<string, number>();
    for (const [key, links] of this.#parents) waiting.set(key, links.length);
    const free = [...this.#shards.keys()].filter((key) => !waiting.has(key));
    for (let key = free.pop(); key !== undefined; key = free.pop()) {
      for (const link of this.#children.get(key) ?? []) {
        const child = shardKey(link.child);
        const left = waiting.get(child)! - 1;
        if (left > 0) waiting.set(child, left);
        else {
          waiting.delete(child);
          free.push(child);
        }
      }
    }
    const [onCycle] = waiting.keys();
    if (onCycle !== undefined) throw unsound(`the links of ${onCycle} form a circle`, { shard: onCycle });
  }
}

const unsound = (message: string, fields: Record<string, string | number | bigint>): RoostError => new RoostError('FailedPrecondition', message, { fields });

const invalid = (message: string): RoostError => new RoostError('InvalidArgument', message);

function checkWeight(weight: number, what: string): void {
  if (!Number.isFinite(weight) || weight < 0) throw invalid(`${what} must be a number of 0 or more, not ${weight}`);
}

function checkInt32(value: number, min: number, what: string): void {
  if (!Number.isInteger(value) || value < min || value > 2 ** 31 - 1) throw invalid(`${what} must be an integer from ${min} to ${2 ** 31 - 1}, not ${value}`);
}

function checkText(text: string, min: number, max: number, what: string): void {
  if (text.length < min || text.length > max) throw invalid(`${what} must have from ${min} to ${max} characters, not ${JSON.stringify(text)}`);
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
