import { Deadline, groupBy, isId, RoostError } from '../../core/index.js';
import type { Hosts } from '../hosts.js';
import type { NameServer } from '../nameServer/nameServer.js';
import type { LockedTopology } from '../nameServer/nameServerStep.js';
import type { Route } from '../routing/route.js';
import { Topology } from '../topology/topology.js';
import { shardKey, type ShardId, type ShardInfo } from '../topology/types.js';
import type { Movable, MovableTable } from './movable.js';
import type { MoveRates } from './moveTask.js';
import { ShardKeys } from './shardKeys.js';
import { RowPace } from './rowPace.js';

const pageDeadlineMs = 30_000;
/** Nothing can change the topology while it is locked for this many rows. */
const rowsPerLock = 500;
const lockDeadlineMs = 10_000;
export const keptStrays = 1_000;

/** A row in a shard that its key does not lead to. */
export interface Stray {
  readonly shard: string;
  /** The shard's table, and the row's key in it. */
  readonly table: string;
  readonly key: string;
  readonly row: Readonly<Record<string, string>>;
  /** The root of the row's own tree; undefined if no tree covers its key. */
  readonly home: string | undefined;
}

export interface StraysReport {
  /** Rows examined. */
  readonly rows: number;
  readonly count: number;
  /** At most `keptStrays`. */
  readonly strays: readonly Stray[];
  /** Rows moved home, or deleted because their keys are no ids. */
  readonly moved: number;
  /** Strays that could not be moved, by reason. They stay where they are. */
  readonly left: ReadonlyMap<string, number>;
  /** Shards that were not examined, by reason. */
  readonly skipped: ReadonlyMap<string, string>;
}

export interface StraysOptions {
  /** Move them home. Absent: nothing is written. */
  readonly fix?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly rows: number; readonly count: number; readonly moved: number }) => void;
}

/**
 * Finds rows in shards of other keys, which result from manual changes of forwardings or links, and moves them home.
 * A row is first merged into every replica of its own tree, by the conflict rules. Then, while nothing can change the
 * topology, it is deleted from the wrong shard if every one of them holds it and it is unchanged since it was read.
 * If killed in between, or run twice, it loses nothing. Trees in migrations are left alone. Reads page by page during
 * writes, at the pace of a move.
 */
export class Strays {
  constructor(
    private readonly nameServer: Pick<NameServer, 'topology' | 'reload'>,
    private readonly hosts: Pick<Hosts, 'host'>,
    private readonly movableType: (type: string) => Movable,
    private readonly reservations: () => Promise<ReadonlyMap<string, number>>,
    /** Runs work while nothing can change the topology and no migration can begin. */
    private readonly locked: <T>(deadline: Deadline, work: (locked: LockedTopology) => Promise<T>) => Promise<T>,
    /** The rates that are allowed at this moment. */
    private readonly rates: () => Promise<MoveRates>,
  ) {}

  /** The leaves of some or all tables, by name. Throws `NotFound`. */
  async leavesOf(tableIds?: readonly number[]): Promise<ShardInfo[]> {
    await this.nameServer.reload();
    const { topology } = this.nameServer;
    const leaves = new Map(
      (tableIds ?? topology.tables.map(({ tableId }) => tableId))
        .flatMap((id) => topology.routes(id))
        .flatMap((route) => route.leaves.map(({ key, shard }) => [key, shard] as const)),
    );
    return [...leaves].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, shard]) => shard);
  }

  /**
   * Examines leaves in turn. Throws `FailedPrecondition` for a shard that holds no rows, and `NotFound` for an
   * unknown one.
   */
  async examine(ids: readonly ShardId[], options: StraysOptions = {}): Promise<StraysReport> {
    await this.nameServer.reload();
    const shards = ids.map((id) => this.nameServer.topology.shard(id));
    for (const { type } of shards) this.movableType(type);
    const pace = new RowPace(
      [...new Set(ids.map(({ hostname }) => hostname))].map((name) => this.hosts.host(name)),
      this.rates,
      options.signal ?? new AbortController().signal,
    );
    const search = new Search(options, pace);
    for (const shard of shards) {
      try {
        await this.#examine(shard, search);
      } catch (error) {
        // The others can be examined, whatever happens to this one's host.
        if (!(error instanceof RoostError && (error.retryable || error.code === 'FailedPrecondition'))) throw error;
        search.skipped.set(shardKey(shard.id), error.message);
      }
    }
    return search.report();
  }

  async #examine(shard: ShardInfo, search: Search): Promise<void> {
    const key = shardKey(shard.id);
    const why = await this.#leftAlone(shard);
    if (why !== undefined) return void search.skipped.set(key, why);
    const { tables } = this.movableType(shard.type);
    const before = search.count;
    // In the order of a copy: a row may need rows of earlier tables.
    for (const table of tables) {
      await this.#pages(shard, table, search, async (rows, homes) => {
        search.found(shard, table, rows, homes);
        if (search.options.fix === true) await this.#bring(shard, table, rows, homes, search, false);
      });
    }
    if (search.options.fix !== true || search.count === before) return;
    for (const table of [...tables].reverse())
      await this.#pages(
        shard,
        table,
        search,
        (rows, homes) => this.#bring(shard, table, rows, homes, search, true),
        false,
      );
  }

  async #leftAlone({ id }: ShardInfo): Promise<string | undefined> {
    const migration = (await this.reservations()).get(shardKey(id));
    if (migration !== undefined) return inMigration(migration);
    return new ShardKeys(this.nameServer.topology, id).tableIds.length === 0 ? 'no table forwards to it' : undefined;
  }

  /** Calls back with the strays of each page that has any. */
  async #pages<Row>(
    shard: ShardInfo,
    table: MovableTable<Row>,
    search: Search,
    each: (rows: readonly Row[], homes: ShardKeys) => Promise<void>,
    counts = true,
  ): Promise<void> {
    const host = this.hosts.host(shard.id.hostname);
    for (let after: string | undefined = ''; after !== undefined;) {
      search.options.signal?.throwIfAborted();
      after = await search.pace.page(async (limit) => {
        const deadline = Deadline.after(pageDeadlineMs);
        const end: string | undefined = await table.pageEnd(host, shard, after!, limit, deadline);
        const rows = await table.rows(host, shard, after!, end, deadline);
        const homes = new ShardKeys(this.nameServer.topology, shard.id);
        if (counts) search.looked(rows.length);
        const strays = homes.tableIds.length === 0 ? [] : rows.filter((row) => !homes.holds(table.routingKey(row)));
        if (strays.length > 0) await each(strays, homes);
        return { end, rows: rows.length };
      });
    }
  }

  /**
   * Merges strays into their own trees; with `remove`, then removes them from their shard. Rows whose key is no id are
   * removed alone: no tree covers it, and nobody can ask for it.
   */
  async #bring<Row>(
    shard: ShardInfo,
    table: MovableTable<Row>,
    rows: readonly Row[],
    homes: ShardKeys,
    search: Search,
    remove: boolean,
  ): Promise<void> {
    const possible = rows.filter((row) => isId(table.routingKey(row)));
    const impossible = rows.filter((row) => !possible.includes(row));
    if (remove && impossible.length > 0 && table.remove !== undefined) {
      const host = this.hosts.host(shard.id.hostname);
      const removed = await table.remove(host, shard, impossible, Deadline.after(pageDeadlineMs));
      search.moved += removed;
      if (removed < impossible.length) search.leave('it was written meanwhile', impossible.length - removed);
    }
    const byHome = groupBy(possible, (row) =>
      table.remove === undefined
        ? `shards of type ${shard.type} cannot give rows away`
        : homes.homeOf(table.routingKey(row)),
    );
    const reservations = await this.reservations();
    for (const [home, all] of byHome) {
      const why = typeof home === 'string' ? home : homeRefuses(home, reservations);
      if (typeof home === 'string' || why !== undefined) {
        if (remove) search.leave(why!, all.length);
        continue;
      }
      for (let start = 0; start < all.length; start += rowsPerLock) {
        search.options.signal?.throwIfAborted();
        const part = all.slice(start, start + rowsPerLock);
        const deadline = Deadline.after(pageDeadlineMs);
        await Promise.all(
          home.writable.map((leaf) => table.write(this.hosts.host(leaf.shard.id.hostname), leaf.shard, part, deadline)),
        );
        if (remove) await this.#remove(shard, table, part, home, search);
      }
    }
  }

  /**
   * Under the lock with which migrations reserve their shards and the topology changes: rows that lead elsewhere by
   * now, or are not home everywhere, stay.
   */
  async #remove<Row>(
    shard: ShardInfo,
    table: MovableTable<Row>,
    rows: readonly Row[],
    home: Route,
    search: Search,
  ): Promise<void> {
    const deadline = Deadline.after(lockDeadlineMs);
    const { moved, why } = await this.locked(deadline, async ({ state, reservations }) => {
      const migration = reservations.get(shardKey(shard.id));
      if (migration !== undefined) return { moved: 0, why: inMigration(migration) };
      const refused = homeRefuses(home, reservations);
      if (refused !== undefined) return { moved: 0, why: refused };
      const homes = new ShardKeys(
        state.version === this.nameServer.topology.version ? this.nameServer.topology : new Topology(state),
        shard.id,
      );
      const wanted = leafKeys(home);
      const stays = rows.filter((row) => {
        const now = homes.holds(table.routingKey(row)) ? undefined : homes.homeOf(table.routingKey(row));
        return typeof now === 'object' && leafKeys(now) === wanted;
      });
      const there = await this.#atHome(table, stays, home, deadline);
      const removed =
        there.length === 0 ? 0 : await table.remove!(this.hosts.host(shard.id.hostname), shard, there, deadline);
      return {
        moved: removed,
        why: stays.length < rows.length ? 'the topology has changed meanwhile' : 'it was written meanwhile',
      };
    });
    search.moved += moved;
    if (moved < rows.length) search.leave(why, rows.length - moved);
    search.tell();
  }

  /** The rows that every replica of their tree holds, as they are or newer. */
  async #atHome<Row>(
    table: MovableTable<Row>,
    rows: readonly Row[],
    home: Route,
    deadline: Deadline,
  ): Promise<readonly Row[]> {
    const keys = rows.map((row) => table.key(row));
    const copies = await Promise.all(
      home.writable.map(
        async ({ shard }) =>
          new Map(
            (await table.rowsAt(this.hosts.host(shard.id.hostname), shard, keys, deadline)).map((row) => [
              table.key(row),
              row,
            ]),
          ),
      ),
    );
    return rows.filter((row) =>
      copies.every((copy) => {
        const there = copy.get(table.key(row));
        return there !== undefined && !table.lacks(there, row);
      }),
    );
  }
}

const inMigration = (migration: number): string => `it is in migration ${migration}`;

const leafKeys = ({ writable }: Route): string =>
  writable
    .map(({ key }) => key)
    .sort()
    .join(' ');

/** Why a tree cannot take rows now; undefined if it can. */
function homeRefuses(
  { root, leaves, writable, denied }: Route,
  reservations: ReadonlyMap<string, number>,
): string | undefined {
  const migration = [root, ...leaves.map(({ shard }) => shard)]
    .map(({ id }) => reservations.get(shardKey(id)))
    .find((id) => id !== undefined);
  if (migration !== undefined) return `${shardKey(root.id)}, where it belongs, is in migration ${migration}`;
  if (denied.length > 0) return `${denied[0]!.key}, where it belongs, takes no writes now`;
  return writable.length === 0 ? `${shardKey(root.id)}, where it belongs, has no replica that takes writes` : undefined;
}

/** The results so far. */
class Search {
  rows = 0;
  count = 0;
  moved = 0;
  readonly strays: Stray[] = [];
  readonly left = new Map<string, number>();
  readonly skipped = new Map<string, string>();

  constructor(
    readonly options: StraysOptions,
    readonly pace: RowPace,
  ) {}

  report(): StraysReport {
    const { rows, count, strays, moved, left, skipped } = this;
    return { rows, count, strays, moved, left, skipped };
  }

  looked(rows: number): void {
    this.rows += rows;
    this.tell();
  }

  found<Row>(shard: ShardInfo, table: MovableTable<Row>, rows: readonly Row[], homes: ShardKeys): void {
    this.count += rows.length;
    for (const row of rows.slice(0, keptStrays - this.strays.length)) {
      const home = homes.homeOf(table.routingKey(row));
      this.strays.push({
        shard: shardKey(shard.id),
        table: table.name,
        key: table.key(row),
        row: table.describe(row),
        home: typeof home === 'string' ? undefined : shardKey(home.root.id),
      });
    }
  }

  leave(why: string, rows: number): void {
    this.left.set(why, (this.left.get(why) ?? 0) + rows);
  }

  tell(): void {
    const { rows, count, moved } = this;
    this.options.onProgress?.({ rows, count, moved });
  }
}
