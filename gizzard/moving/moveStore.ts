import { RoostError } from '../../core/index.js';
import type { Touch } from '../control/controlStore.js';
import type { SqlRow, SqlSession } from '../../mysql/index.js';
import { LeaseTable } from './leaseTable.js';
import { cut, type MovesDatabase } from './movesDatabase.js';
import { MoveThrottle, sharedRates } from './moveThrottle.js';
import {
  notStarted,
  type MoveOrders,
  type MoveProgress,
  type MoveRates,
  type MoveSpec,
  type MoveState,
  type MoveTask,
} from './moveTask.js';
import type { AttributeForms } from '../shardAttributes.js';
import { fromStoredJson, toStoredJson } from './storedJson.js';

export interface MoveLimits {
  /** Concurrent moves over all servers, and those that touch one host. */
  readonly movesAtOnce: number;
  readonly movesPerHost: number;
}

/** How often the other replicas learn a move's progress. */
const tellEveryMs = 1_000;

const columns = 'id, spec, min_rows_per_second, max_rows_per_second, state, progress, migration_id, error, owner';

/** Moves in the name server's database, where every server finds them. */
export class MoveStore {
  readonly #leases: LeaseTable;
  readonly throttle: MoveThrottle;
  readonly #cancels: LeaseTable;
  readonly #toldAtMs = new Map<number, number>();

  constructor(private readonly database: MovesDatabase) {
    this.#leases = new LeaseTable(database, 'moves');
    this.throttle = new MoveThrottle(database);
    this.#cancels = new LeaseTable(database, 'moves', 'cancelling');
  }

  /**
   * `forMigration`: the migration, and the server that carries it out. Throws `Unavailable` if that server has lost
   * it.
   */
  async add(
    spec: MoveSpec,
    rates: MoveRates,
    forMigration?: { readonly id: number; readonly owner: string },
  ): Promise<number> {
    return this.database.change(async (session, touch) => {
      if (forMigration !== undefined) await this.#requireOwner(session, forMigration);
      return this.insert(session, touch, spec, rates, forMigration?.id);
    });
  }

  /** Within a caller's change. */
  async insert(
    session: SqlSession,
    touch: Touch,
    spec: MoveSpec,
    rates: MoveRates,
    migrationId?: number,
  ): Promise<number> {
    await session.run(
      `INSERT INTO ${this.database.table('moves')} (spec, min_rows_per_second, max_rows_per_second, state, progress, migration_id) VALUES (?, ?, ?, 'queued', ?, ?)`,
      [
        toStoredJson(spec),
        rates.minRowsPerSecond,
        rates.maxRowsPerSecond,
        toStoredJson(notStarted),
        migrationId ?? null,
      ],
      this.database.deadline(),
    );
    const [row] = await session.rows('SELECT LAST_INSERT_ID()', [], this.database.deadline());
    const id = Number(row![0]);
    touch('moves', { id });
    return id;
  }

  /** A server that lost the migration during a pause must not begin anything for it. */
  async #requireOwner(
    session: SqlSession,
    { id, owner }: { readonly id: number; readonly owner: string },
  ): Promise<void> {
    const found = await session.rows(
      `SELECT 1 FROM ${this.database.table('migrations')} WHERE id = ? AND owner = ? AND state = 'running' LOCK IN SHARE MODE`,
      [id, owner],
      this.database.deadline(),
    );
    if (found.length === 0)
      throw new RoostError('Unavailable', `another server has taken migration ${id} over`, {
        fields: { migration: id },
      });
  }

  /** Newest first; `active`: only unfinished ones. */
  async list(options: { readonly active: boolean; readonly limit: number }): Promise<MoveTask[]> {
    const which = options.active ? `WHERE state IN ('queued', 'running', 'paused', 'cancelling')` : '';
    const sql = `SELECT ${columns} FROM ${this.database.table('moves')} ${which} ORDER BY id DESC LIMIT ?`;
    return (await this.database.read((host) => host.rows(sql, [options.limit], this.database.deadline()))).map(
      taskOf(this.database.forms),
    );
  }

  /** Throws `NotFound`. */
  async get(id: number): Promise<MoveTask> {
    const [row] = await this.database.read((host) =>
      host.rows(`SELECT ${columns} FROM ${this.database.table('moves')} WHERE id = ?`, [id], this.database.deadline()),
    );
    if (row === undefined) throw new RoostError('NotFound', `there is no move ${id}`, { fields: { move: id } });
    return taskOf(this.database.forms)(row);
  }

  /**
   * Takes a move to cancel, or one that nobody runs and the limits allow; undefined if there is none. One server at a
   * time chooses.
   */
  async claim(owner: string, limits: MoveLimits): Promise<MoveTask | undefined> {
    await this.database.ready();
    const table = this.database.table('moves');
    const [waits] = await this.database.host.rows(
      `SELECT 1 FROM ${table} WHERE state IN ('queued', 'running', 'cancelling') AND NOT ${LeaseTable.held} LIMIT 1`,
      [],
      this.database.deadline(),
    );
    if (waits === undefined) return undefined;
    return this.database.change(async (session, touch) => {
      const deadline = this.database.deadline();
      const rows = await session.rows(
        `SELECT ${columns}, ${LeaseTable.held} FROM ${table} WHERE state IN ('queued', 'running', 'cancelling') ORDER BY id FOR UPDATE`,
        [],
        deadline,
      );
      const tasks = rows.map((row) => ({ task: taskOf(this.database.forms)(row), leased: Number(row[9]) === 1 }));
      const unwanted = tasks.find(({ task, leased }) => task.state === 'cancelling' && !leased);
      if (unwanted !== undefined) {
        await this.#cancels.take(session, unwanted.task.id, owner);
        touch('moves', { id: unwanted.task.id });
        return { ...unwanted.task, owner };
      }
      const running = tasks.filter((one) => one.leased);
      if (running.length >= limits.movesAtOnce) return undefined;
      const load = new Map<string, number>();
      for (const { task } of running) for (const host of hostsOf(task)) load.set(host, (load.get(host) ?? 0) + 1);
      const next = tasks.find(
        (one) =>
          !one.leased &&
          one.task.state !== 'cancelling' &&
          [...hostsOf(one.task)].every((host) => (load.get(host) ?? 0) < limits.movesPerHost),
      );
      if (next === undefined) return undefined;
      await this.#leases.take(session, next.task.id, owner);
      touch('moves', { id: next.task.id });
      return { ...next.task, state: 'running', owner };
    });
  }

  /**
   * Saves a move's progress and renews its claim. Returns the operator's present orders; undefined if the claim is
   * lost or the move was cancelled.
   */
  async save(id: number, owner: string, progress: MoveProgress, error: string): Promise<MoveOrders | undefined> {
    const saved = toStoredJson(progress);
    if (!(await this.#leases.renew(id, owner, { error, progress: saved }))) return undefined;
    this.#tellOthers(id, saved, error);
    const [[row], throttle] = await Promise.all([
      this.database.host.rows(
        `SELECT min_rows_per_second, max_rows_per_second, migration_id FROM ${this.database.table('moves')} WHERE id = ?`,
        [id],
        this.database.deadline(),
      ),
      this.throttle.read(),
    ]);
    if (row === undefined) return undefined;
    const [min, max, migration] = row;
    // Manual moves are wanted at once.
    return {
      ...sharedRates({ minRowsPerSecond: Number(min), maxRowsPerSecond: Number(max) }, throttle),
      resting: migration === null ? '' : throttle.resting,
    };
  }

  /** Another primary continues from about here. Repeated pages change nothing. */
  #tellOthers(id: number, progress: string, error: string): void {
    const nowMs = performance.now();
    if (nowMs - (this.#toldAtMs.get(id) ?? -Infinity) < tellEveryMs) return;
    this.#toldAtMs.set(id, nowMs);
    this.database.control.tellOthers(
      `UPDATE ${this.database.table('moves')} SET progress = ?, error = ? WHERE id = ? AND state = 'running'`,
      [progress, cut(error), id],
    );
  }

  /** Records the end of a move. False if this owner has lost it. */
  finish(
    id: number,
    owner: string,
    state: Extract<MoveState, 'done' | 'failed'>,
    progress: MoveProgress,
    error: string,
  ): Promise<boolean> {
    this.#toldAtMs.delete(id);
    return this.database.change(async (session, touch) => {
      const ended = await this.#leases.end(session, id, owner, state, { error, progress: toStoredJson(progress) });
      if (ended) touch('moves', { id });
      return ended;
    });
  }

  /** Releases a claim, so that another server need not wait for its expiry. */
  release(id: number, owner: string): Promise<void> {
    this.#toldAtMs.delete(id);
    return this.#leases.release(id, owner);
  }

  /** Requests that a move stop; its worker learns of it when it renews its claim. False if it has ended. */
  async wantCancelled(id: number): Promise<boolean> {
    await this.get(id);
    return this.database.change(async (session, touch) => {
      const table = this.database.table('moves');
      const [row] = await session.rows(
        `SELECT state FROM ${table} WHERE id = ? FOR UPDATE`,
        [id],
        this.database.deadline(),
      );
      const state = String(row?.[0]);
      if (state === 'cancelling') return true;
      if (state !== 'queued' && state !== 'running' && state !== 'paused') return false;
      await session.run(`UPDATE ${table} SET state = 'cancelling' WHERE id = ?`, [id], this.database.deadline());
      touch('moves', { id });
      return true;
    });
  }

  /** Renews the claim on a move being cancelled. False if it is lost. */
  renewCancel(id: number, owner: string, error: string): Promise<boolean> {
    return this.#cancels.renew(id, owner, { error });
  }

  /** Records that a move was cancelled. False if this owner has lost it. */
  finishCancel(id: number, owner: string, error: string): Promise<boolean> {
    return this.database.change(async (session, touch) => {
      const ended = await this.#cancels.end(session, id, owner, 'cancelled', { error });
      if (ended) touch('moves', { id });
      return ended;
    });
  }

  /** Cancels a move at once, for a migration that does not need it any more. False if it has ended. */
  async cancel(id: number): Promise<boolean> {
    await this.get(id);
    return this.database.change(async (session, touch) => {
      const sql = `UPDATE ${this.database.table('moves')} SET state = 'cancelled', owner = NULL, lease_until = NULL WHERE id = ? AND state IN ('queued', 'running', 'paused', 'cancelling')`;
      const cancelled = (await session.run(sql, [id], this.database.deadline())).affectedRows > 0;
      if (cancelled) touch('moves', { id });
      return cancelled;
    });
  }

  /** The moves of a migration, oldest first. */
  async ofMigration(migrationId: number): Promise<MoveTask[]> {
    const sql = `SELECT ${columns} FROM ${this.database.table('moves')} WHERE migration_id = ? ORDER BY id`;
    return (await this.database.read((host) => host.rows(sql, [migrationId], this.database.deadline()))).map(
      taskOf(this.database.forms),
    );
  }

  async setRates(id: number, rates: MoveRates): Promise<void> {
    await this.get(id);
    await this.database.change(async (session, touch) => {
      const sql = `UPDATE ${this.database.table('moves')} SET min_rows_per_second = ?, max_rows_per_second = ? WHERE id = ?`;
      touch('moves', { id });
      await session.run(sql, [rates.minRowsPerSecond, rates.maxRowsPerSecond, id], this.database.deadline());
    });
  }
}

/** Pauses or resumes a migration's moves, in the change that does the same to the migration. */
export async function setPaused(
  session: SqlSession,
  touch: Touch,
  database: MovesDatabase,
  migrationId: number,
  paused: boolean,
): Promise<void> {
  await session.run(
    `UPDATE ${database.table('moves')} SET state = ?, owner = NULL, lease_until = NULL WHERE migration_id = ? AND state IN (${paused ? `'queued', 'running'` : `'paused'`})`,
    [paused ? 'paused' : 'queued', migrationId],
    database.deadline(),
  );
  touch('moves', { migration_id: migrationId });
}

export const hostsOf = ({ sources, targets }: MoveSpec): Set<string> =>
  new Set([...sources, ...targets].map((shard) => shard.id.hostname));

const taskOf =
  (forms: AttributeForms) =>
  (row: SqlRow): MoveTask => {
    const [id, spec, min, max, state, progress, migrationId, error, owner] = row;
    return {
      id: Number(id),
      ...fromStoredJson<MoveSpec>(String(spec), forms),
      ...fromStoredJson<MoveProgress>(String(progress)),
      minRowsPerSecond: Number(min),
      maxRowsPerSecond: Number(max),
      state: String(state) as MoveState,
      migrationId: migrationId === null ? undefined : Number(migrationId),
      error: String(error),
      owner: owner === null ? undefined : String(owner),
    };
  };
