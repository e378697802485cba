import { randomInt, randomUUID } from 'node:crypto';
import { Deadline, RoostError, snowflakeWorkers } from '../../core/index.js';
import type { Gizzard } from '../../gizzard/index.js';
import { hostClockMs, type DatabaseHost } from '../../mysql/index.js';
import type { WorkerLease, WorkerLeases } from './workerLease.js';

export interface WorkerLeaseOptions {
  /** How far ahead a holder reserves times; also how long its number stays unused after it was killed. */
  readonly ttlMs?: number;
}

const defaultTtlMs = 60_000;
const operationDeadlineMs = 2_000;
/** Attempts lost to faster servers, before reporting that no number is free. */
const maxAttempts = 32;
/** Candidates to choose among after losing an attempt, so that servers that start together seldom collide. */
const choices = 8;
/** Ids stay this close to the journal's time, whatever the hosts' clocks say. */
const maxFromJournalMs = 1_000;

/** A worker number's row on one host. */
interface Row {
  readonly owner: string;
  readonly untilMs: number;
}

interface Look {
  readonly host: DatabaseHost;
  readonly nowMs: number;
  readonly rows: ReadonlyMap<number, Row>;
}

/**
 * Worker numbers in a table of the name server's database on each of its hosts: one row per number, with its holder
 * and the time up to which ids may have been made with it.
 *
 * A lease holds once a majority of the hosts has it. A row's time only moves forward, by a compare-and-set statement,
 * and a new holder starts after all times that it found on a majority. Two majorities share a host, so that the times
 * of two holders never overlap, whichever host comes first and whatever any clock says. A holder that was stopped
 * finds its clock past its time when it wakes up, and stops by itself; its renewal then finds another holder.
 */
export class SqlWorkerLeases implements WorkerLeases {
  readonly #owner = randomUUID();
  readonly #table: string;
  readonly #ttlMs: number;
  readonly #ready = new Set<DatabaseHost>();
  #held: WorkerLease | undefined;

  /**
   * @param hosts the name server's
   * @param database a checked identifier
   * @param journalMs the journal's time
   */
  constructor(
    private readonly hosts: readonly DatabaseHost[],
    database: string,
    private readonly journalMs: () => Promise<number>,
    options: WorkerLeaseOptions = {},
  ) {
    this.#table = `\`${database}\`.\`worker_leases\``;
    this.#ttlMs = options.ttlMs ?? defaultTtlMs;
  }

  /** The worker numbers of a cluster. */
  static of({ config, mysql, jobs }: Gizzard, ttlMs = defaultTtlMs): SqlWorkerLeases {
    return new SqlWorkerLeases(
      config.nameServer.hosts.map((name) => mysql.host(name)),
      `${config.cluster}_nameserver`,
      () => jobs.journal.nowMs(),
      { ttlMs },
    );
  }

  async acquire(): Promise<WorkerLease> {
    const held = this.#held;
    if (held !== undefined) {
      const nowMs = await this.#clock(
        await this.#onEach((host) => this.#look(host, `WHERE worker_id = ${held.worker}`)),
      );
      const untilMs = Math.max(nowMs + this.#ttlMs, held.untilMs);
      if (await this.#write(held.worker, held.fromMs, untilMs)) return (this.#held = { ...held, untilMs, nowMs });
      this.#held = undefined;
    }
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const looks = await this.#onEach((host) => this.#look(host));
      const nowMs = await this.#clock(looks);
      const free = freeNumbers(looks, nowMs).slice(0, choices);
      if (free.length === 0) break;
      const { worker, fromMs } = free[attempt === 0 ? 0 : randomInt(free.length)]!;
      const untilMs = nowMs + this.#ttlMs;
      if (await this.#write(worker, fromMs, untilMs)) return (this.#held = { worker, fromMs, untilMs, nowMs });
    }
    throw new RoostError(
      'Unavailable',
      `no worker number is free: all ${snowflakeWorkers} are in use, or were until a moment ago`,
      { retryAfterMs: 1_000 },
    );
  }

  async release(usedMs: number): Promise<void> {
    if (this.#held === undefined) return;
    const { worker } = this.#held;
    this.#held = undefined;
    await this.#onEach((host) =>
      host.run(
        `UPDATE ${this.#table} SET owner = '', until_ms = ? WHERE worker_id = ? AND owner = ?`,
        [usedMs, worker, this.#owner],
        deadline(),
      ),
    );
  }

  /**
   * Reserves all times up to `untilMs` for every number: ids of those times belong to an earlier life of the cluster.
   * Throws `Unavailable` if fewer than a majority of the hosts answer.
   */
  async reserveUntil(untilMs: number): Promise<void> {
    const numbers = JSON.stringify(Array.from({ length: snowflakeWorkers }, (_, worker) => worker));
    await this.#onEach(async (host) => {
      await this.#create(host);
      await host.run(
        `INSERT INTO ${this.#table} (worker_id, owner, until_ms) SELECT w, '', ? FROM JSON_TABLE(?, '$[*]' COLUMNS (w INT PATH '$')) j
         ON DUPLICATE KEY UPDATE until_ms = GREATEST(until_ms, VALUES(until_ms))`,
        [untilMs, numbers],
        deadline(),
      );
    });
  }

  /** The median of the hosts' clocks, bounded by the journal's time. */
  async #clock(looks: readonly Look[]): Promise<number> {
    const clocks = looks.map(({ nowMs }) => nowMs).sort((a, b) => a - b);
    const journalMs = await this.journalMs();
    return Math.min(
      Math.max(clocks[(clocks.length - 1) >> 1]!, journalMs - maxFromJournalMs),
      journalMs + maxFromJournalMs,
    );
  }

  /**
   * Takes or renews a number on every host that has no later time than `fromMs` for it, or this holder. False without
   * a majority: times are then wasted, but none is given twice.
   */
  async #write(worker: number, fromMs: number, untilMs: number): Promise<boolean> {
    const done = await this.#onEach(async (host) => {
      // MySQL counts a row as unchanged if the statement sets the values that it has.
      const { affectedRows } = await host.run(
        `UPDATE ${this.#table} SET owner = ?, until_ms = GREATEST(until_ms, ?), renewals = renewals + 1 WHERE worker_id = ? AND (owner = ? OR until_ms <= ?)`,
        [this.#owner, untilMs, worker, this.#owner, fromMs],
        deadline(),
      );
      if (affectedRows > 0) return true;
      return (
        (
          await host.run(
            `INSERT IGNORE INTO ${this.#table} (worker_id, owner, until_ms) VALUES (?, ?, ?)`,
            [worker, this.#owner, untilMs],
            deadline(),
          )
        ).affectedRows > 0
      );
    });
    return done.filter(Boolean).length >= this.#majority;
  }

  async #look(host: DatabaseHost, where = ''): Promise<Look> {
    await this.#create(host);
    const rows = await host.rows(
      `SELECT NULL, NULL, ${hostClockMs} UNION ALL SELECT worker_id, owner, until_ms FROM ${this.#table} ${where}`,
      [],
      deadline(),
    );
    return {
      host,
      nowMs: Number(rows[0]![2]),
      rows: new Map(
        rows
          .slice(1)
          .map(([worker, owner, untilMs]) => [Number(worker), { owner: String(owner), untilMs: Number(untilMs) }]),
      ),
    };
  }

  get #majority(): number {
    return Math.floor(this.hosts.length / 2) + 1;
  }

  /** Asks every host; failing ones are left out. Throws `Unavailable` if fewer than a majority answer. */
  async #onEach<T>(ask: (host: DatabaseHost) => Promise<T>): Promise<T[]> {
    const answers = await Promise.allSettled(
      this.hosts.map((host) => {
        // A host that hangs on connecting is given up as soon as one that hangs in a statement.
        const within = deadline();
        return within.race(ask(host), `asking ${host.name} for a worker number`);
      }),
    );
    const answered = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    if (answered.length >= this.#majority) return answered;
    const failed = answers.find((answer) => answer.status === 'rejected')!;
    if (this.hosts.length === 1) throw failed.reason;
    throw new RoostError(
      'Unavailable',
      `only ${answered.length} of ${this.hosts.length} hosts of the name server answer, fewer than a majority: no worker number can be had for new ids`,
      { cause: failed.reason },
    );
  }

  async #create(host: DatabaseHost): Promise<void> {
    if (this.#ready.has(host)) return;
    await host.run(
      `CREATE TABLE IF NOT EXISTS ${this.#table} (
        worker_id SMALLINT UNSIGNED NOT NULL PRIMARY KEY,
        owner CHAR(36) NOT NULL,
        until_ms BIGINT NOT NULL,
        renewals BIGINT NOT NULL DEFAULT 0,
        KEY until_ms (until_ms)
      ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
      [],
      deadline(),
    );
    this.#ready.add(host);
  }
}

/**
 * Free numbers, each with the time that earlier holders may have used: first those free for longest, so that a killed
 * process's number rests, then unused ones.
 */
function freeNumbers(looks: readonly Look[], nowMs: number): { readonly worker: number; readonly fromMs: number }[] {
  const latest = new Map<number, number>();
  for (const { rows } of looks)
    for (const [worker, { untilMs }] of rows) latest.set(worker, Math.max(untilMs, latest.get(worker) ?? 0));
  const rested = [...latest].filter(([, untilMs]) => untilMs < nowMs).sort(([a, aMs], [b, bMs]) => aMs - bMs || a - b);
  const unused = Array.from({ length: snowflakeWorkers }, (_, worker) => worker).filter(
    (worker) => !latest.has(worker),
  );
  return [
    ...rested.map(([worker, fromMs]) => ({ worker, fromMs })),
    ...unused.map((worker) => ({ worker, fromMs: 0 })),
  ];
}

const deadline = (): Deadline => Deadline.after(operationDeadlineMs);
