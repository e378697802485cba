import { RoostError } from '../core/index.js';
import {
  nodeType,
  shardKey,
  Topology,
  type Change,
  type Gizzard,
  type Route,
  type ShardId,
  type TableInfo,
} from '../gizzard/index.js';
import type { Catalog } from './catalog.js';
import { isSaved } from './dumpParts.js';

/**
 * Creates the tables of a backup that the cluster lacks, with their numbers of shards and replicas as far as there
 * are hosts. Existing tables stay unchanged: to get another number of shards, create a table before the restore.
 * Throws `FailedPrecondition` if a table of the cluster differs from the backup's.
 *
 * @returns the names of the tables made
 */
export async function restoreTables(gizzard: Gizzard, catalogs: readonly Catalog[]): Promise<readonly string[]> {
  await gizzard.nameServer.reload();
  const there = new Map(gizzard.topology.tables.map((table) => [table.tableId, table]));
  const maker = new TableMaker(gizzard);
  const made: string[] = [];
  for (const { topology: state } of catalogs) {
    const topology = new Topology(state);
    for (const table of topology.tables) {
      const known = there.get(table.tableId);
      if (known !== undefined) {
        requireSame(table, known);
        continue;
      }
      if (!maker.add(topology, table)) continue;
      there.set(table.tableId, table);
      made.push(table.name);
    }
  }
  if (maker.changes.length > 0) await gizzard.apply(maker.changes, 'roost restore');
  return [...new Set(made)];
}

class TableMaker {
  readonly changes: Change[] = [];
  /** New roots by the keys of the backup's roots. */
  readonly #roots = new Map<string, ShardId>();
  readonly #made = new Set<string>();
  #turn = 0;

  constructor(private readonly gizzard: Gizzard) {}

  /** Returns false for a table without rows in backups. */
  add(topology: Topology, table: TableInfo): boolean {
    const { tableId } = table;
    const intervals = topology.intervals(tableId);
    if (intervals.some(({ route }) => !this.#isSaved(route))) return false;
    this.changes.push({ kind: 'createTable', table });
    for (const { baseId, route } of intervals) {
      const shard = this.#tree(route);
      this.changes.push({ kind: 'setForwarding', forwarding: { tableId, baseId, shard } });
    }
    return true;
  }

  /** Whether backups hold rows of the tree's leaves. True for a tree without leaves, which is created as it is. */
  #isSaved({ leaves }: Route): boolean {
    return leaves.every(({ shard }) => this.gizzard.shardType(shard.type)?.moving?.tables.some(isSaved));
  }

  /** Creates the tree, and returns its root. */
  #tree({ root, leaves }: Route): ShardId {
    const known = this.#roots.get(shardKey(root.id));
    if (known !== undefined) return known;
    // A tree of a single shard also gets a root, so that a second replica can be linked.
    const id =
      nodeType(root.type) === undefined
        ? { hostname: 'localhost', tablePrefix: `${root.id.tablePrefix}_root` }
        : root.id;
    this.#roots.set(shardKey(root.id), id);
    const [first] = leaves;
    if (first === undefined) {
      if (!this.gizzard.topology.hasShard(id))
        this.changes.push({ kind: 'createShard', shard: { ...root, busy: 'normal' } });
      return id;
    }
    this.changes.push({
      kind: 'createShard',
      shard: { id, type: 'replicating', attributes: {}, busy: 'normal' },
    });
    const { schemaVersion: _newest, ...shard } = first.shard;
    const hosts = this.#hosts(shard.type);
    for (let replica = 0; replica < Math.min(leaves.length, hosts.length); replica++) {
      const leaf = this.#free(hosts[(this.#turn + replica) % hosts.length]!, shard.id.tablePrefix);
      this.changes.push(
        { kind: 'createShard', shard: { ...shard, id: leaf, busy: 'normal' } },
        { kind: 'addLink', link: { parent: id, child: leaf, weight: 1 } },
      );
    }
    this.#turn++;
    return id;
  }

  #hosts(type: string): readonly string[] {
    const { backend = 'mysql' } = this.gizzard.shardType(type)!;
    return this.gizzard.hosts.backend(backend).names;
  }

  /** Finds a free name: leaves of several trees may have shared a name on different hosts. */
  #free(hostname: string, tablePrefix: string): ShardId {
    for (let number = 1; ; number++) {
      const id = { hostname, tablePrefix: number === 1 ? tablePrefix : `${tablePrefix}_r${number}` };
      if (this.#made.has(shardKey(id)) || this.gizzard.topology.hasShard(id)) continue;
      this.#made.add(shardKey(id));
      return id;
    }
  }
}

function requireSame(table: TableInfo, there: TableInfo): void {
  const same = (of: TableInfo): string => [of.name, of.service, of.hash].join(' ');
  if (same(table) === same(there)) return;
  throw new RoostError(
    'FailedPrecondition',
    `table ${table.tableId} is ${there.name} of ${there.service} (hash ${there.hash}) in this cluster, and ${table.name} of ${table.service} (hash ${table.hash}) in the backup`,
    { fields: { table: table.tableId } },
  );
}
