import { randomUUID } from 'node:crypto';
import { Deadline, isRoostError, RoostError, snowflakeWorkers } from '../../core/index.js';
import type { DatabaseHost } from '../../gizzard/index.js';
import type { WorkerLease, WorkerLeases } from './workerLease.js';

export interface WorkerLeaseOptions {
  /** How far ahead of its clock a holder reserves times: as long as its number stays unused after it was killed. */
  readonly ttlMs?: number;
}

const defaultTtlMs = 60_000;
const operationDeadlineMs = 5_000;
/** Numbers that others were quicker to take, before it is said that there is none. */
const maxAttempts = 32;

/**
 * Worker numbers in a table of the name server's database: one row a number, with its holder and the time up to which ids may have been made with it.
 *
 * A row's time only moves forward, by a statement that names what it was before, and whoever takes a number over starts behind it. A holder that is
 * stopped and wakes up late finds its clock past its time and stops by itself; its renewal then names a holder that is no longer in the row.
 */
export class SqlWorkerLeases implements WorkerLeases {
  readonly #owner = randomUUID();
  readonly #table: string;
  readonly #ttlMs: number;
  #held: WorkerLease | undefined;
  #ready = false;

  /** `database` must be a checked identifier. */
  constructor(
    private readonly host: DatabaseHost,
    database: string,
    options: WorkerLeaseOptions = {},
  ) {
    this.#table = `\`${database}\`.\`worker_leases\``;
    this.#ttlMs = options.ttlMs ?? defaultTtlMs;
  }

  async acquire(nowMs: number): Promise<WorkerLease> {
    await this.#create();
    const untilMs = nowMs + this.#ttlMs;
    if (this.#held !== undefined && (await this.#renew(this.#held, untilMs))) return this.#held;
    this.#held = undefined;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const taken = await this.#take(nowMs, untilMs);
      if (taken !== undefined) return (this.#held = taken);
    }
    throw new RoostError('Unavailable', `no worker number is free: all ${snowflakeWorkers} are in use, or were until a moment ago`, { retryAfterMs: 1_000 });
  }

  async release(usedMs: number): Promise<void> {
    if (this.#held === undefined) return;
    const { worker } = this.#held;
    this.#held = undefined;
    await this.host.run(`UPDATE ${this.#table} SET owner = '', until_ms = ? WHERE worker_id = ? AND owner = ?`, [usedMs, worker, this.#owner], this.#deadline());
  }

  /** The answer to a renewal may be lost; the row then says more than this process knows, which wastes times and repeats none. */
  async #renew(held: WorkerLease, untilMs: number): Promise<boolean> {
    const later = Math.max(untilMs, held.untilMs);
    // A statement that sets a row to what it holds counts as none changed.
    const { affectedRows } = await this.host.run(
      `UPDATE ${this.#table} SET until_ms = GREATEST(until_ms, ?), renewals = renewals + 1 WHERE worker_id = ? AND owner = ?`,
      [later, held.worker, this.#owner],
      this.#deadline(),
    );
    if (affectedRows === 0) return false;
    this.#held = { ...held, untilMs: later };
    return true;
  }

  async #take(nowMs: number, untilMs: number): Promise<WorkerLease | undefined> {
    // The number that has been free for longest, so that one that a killed process held rests.
    const [free] = await this.host.rows(`SELECT worker_id, until_ms FROM ${this.#table} WHERE until_ms < ? ORDER BY until_ms, worker_id LIMIT 1`, [nowMs], this.#deadline());
    if (free !== undefined) {
      const [worker, fromMs] = [Number(free[0]), Number(free[1])];
      const { affectedRows } = await this.host.run(
        `UPDATE ${this.#table} SET owner = ?, until_ms = ?, renewals = renewals + 1 WHERE worker_id = ? AND until_ms = ?`,
        [this.#owner, untilMs, worker, fromMs],
        this.#deadline(),
      );
      return affectedRows === 0 ? undefined : { worker, fromMs, untilMs };
    }
    const [count] = await this.host.rows(`SELECT COUNT(*) FROM ${this.#table}`, [], this.#deadline());
    const worker = Number(count![0]);
    if (worker >= snowflakeWorkers) return undefined;
    try {
      await this.host.run(`INSERT INTO ${this.#table} (worker_id, owner, until_ms) VALUES (?, ?, ?)`, [worker, this.#owner, untilMs], this.#deadline());
      return { worker, fromMs: 0, untilMs };
    } catch (error) {
      if (isRoostError(error, 'Conflict')) return undefined;
      throw error;
    }
  }

  async #create(): Promise<void> {
    if (this.#ready) return;
    await this.host.run(
      `CREATE TABLE IF NOT EXISTS ${this.#table} (
        worker_id SMALLINT UNSIGNED NOT NULL PRIMARY KEY,
        owner CHAR(36) NOT NULL,
        until_ms BIGINT NOT NULL,
        renewals BIGINT NOT NULL DEFAULT 0,
        KEY until_ms (until_ms)
      ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
      [],
      this.#deadline(),
    );
    this.#ready = true;
  }

  #deadline(): Deadline {
    return Deadline.after(operationDeadlineMs);
  }
}
