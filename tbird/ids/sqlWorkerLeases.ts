import { randomInt, randomUUID } from 'node:crypto';
import { Deadline, RoostError, snowflakeWorkers } from '../../core/index.js';
import type { Gizzard } from '../../gizzard/index.js';
import { hostClockMs, type DatabaseHost } from '../../mysql/index.js';
import type { WorkerLease, WorkerLeases } from './workerLease.js';

export interface WorkerLeaseOptions {
  /** How far ahead of the clock a holder reserves times: as long as its number stays unused after it was killed. */
  readonly ttlMs?: number;
}

const defaultTtlMs = 60_000;
const operationDeadlineMs = 2_000;
/** Numbers that others were quicker to take, before it is said that there is none. */
const maxAttempts = 32;
/** Numbers among which one is chosen where another server was quicker: several that start at once then seldom choose the same. */
const choices = 8;
/** Ids are never further from the journal's time than this, whatever the hosts' clocks say. */
const maxFromJournalMs = 1_000;

/** What one host knows of a worker number. */
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
 * Worker numbers in a table of the name server's database, on each of its hosts: one row a number, with its holder and the time up to which ids may have been made with it.
 *
 * A lease holds once a majority of the hosts has it. A row's time only moves forward, by a statement that names what it was before, and whoever takes a number over starts behind all
 * times that it found on a majority. Two majorities share a host, so that the times of two holders never overlap, whichever host is named first and whatever any clock says.
 * A holder that is stopped and wakes up late finds its clock past its time and stops by itself; its renewal then finds another holder in the rows.
 */
export class SqlWorkerLeases implements WorkerLeases {
  readonly #owner = randomUUID();
  readonly #table: string;
  readonly #ttlMs: number;
  readonly #ready = new Set<DatabaseHost>();
  #held: WorkerLease | undefined;

  /**
   * @param hosts those of the name server
   * @param database must be a checked identifier
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

  /** Those of a cluster. */
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

  /** Has no id made up to a time, in milliseconds, whatever its number: such ids are of an earlier life of the cluster. Throws `Unavailable` where fewer than a majority of the hosts answer. */
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

  /** What the hosts' clocks say, the one in the middle, and no further from the journal's than is allowed. */
  async #clock(looks: readonly Look[]): Promise<number> {
    const clocks = looks.map(({ nowMs }) => nowMs).sort((a, b) => a - b);
    const journalMs = await this.journalMs();
    return Math.min(
      Math.max(clocks[(clocks.length - 1) >> 1]!, journalMs - maxFromJournalMs),
      journalMs + maxFromJournalMs,
    );
  }

  /** Takes or prolongs a number on every host that has nothing later for it than `fromMs`, or has this holder. False where fewer than a majority do: times are wasted, and none is given twice. */
  async #write(worker: number, fromMs: number, untilMs: number): Promise<boolean> {
    const done = await this.#onEach(async (host) => {
      // A statement that sets a row to what it holds counts as none changed.
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

  /** Asks every host; those that fail are left out. Throws `Unavailable` where fewer than a majority answer. */
  async #onEach<T>(ask: (host: DatabaseHost) => Promise<T>): Promise<T[]> {
    const answers = await Promise.allSettled(
      this.hosts.map((host) => {
        // A host that hangs for new connections is not waited for any longer than one that hangs in a statement.
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

/** Numbers that nobody holds, each with the time that holders before may have used up: first those that have been free for longest, so that one that a killed process held rests, then unused ones. */
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
