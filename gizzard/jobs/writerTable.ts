import { Deadline } from '../../core/index.js';
import { withTable, type DatabaseHost } from '../../mysql/index.js';

/** A process with accepted jobs whose number it has not recorded yet. */
export interface SilentWriter {
  readonly id: string;
  /** The time of its last sign of life, in milliseconds since 1970, by the journal's clock. */
  readonly heardAtMs: number;
}

const deadlineMs = 3_000;
/** A writer that died this long before its Redis has lost nothing: Redis has written its file since. */
const settledMs = 5_000;
/** How long rows of killed processes are kept. */
const keptMs = 86_400_000;
const columns = 'server CHAR(40) NOT NULL PRIMARY KEY, run CHAR(40) NOT NULL, heard_at BIGINT NOT NULL';

/**
 * The processes that write to the journal, on each host of the name server, with the run of Redis that they write to.
 * Each renews its row every second, and removes it once it has recorded how many jobs it knows to be accepted. After a
 * restart of Redis, a row of an earlier run thus stands for acknowledged writes that nobody can vouch for.
 *
 * The row whose `server` is the run itself has the time of the last write to that run.
 */
export class WriterTable {
  readonly #table: string;

  /** `database` must be a checked identifier. */
  constructor(
    private readonly hosts: readonly DatabaseHost[],
    database: string,
  ) {
    this.#table = `\`${database}\`.journal_writers`;
  }

  /** Records that a process writes to a run. Resolves when one host has it; throws if none could be told. */
  async note(id: string, run: string, nowMs: number): Promise<void> {
    const sql = `INSERT INTO ${this.#table} (server, run, heard_at) VALUES (?, ?, ?), (?, ?, ?) ON DUPLICATE KEY UPDATE run = VALUES(run), heard_at = GREATEST(heard_at, VALUES(heard_at))`;
    // A host that hangs does not hold up the first write of a process.
    await Promise.any(
      this.hosts.map((host) =>
        this.#withTable(host, (deadline) => host.run(sql, [id, run, nowMs, run, run, nowMs], deadline)),
      ),
    );
  }

  /** Removes a process that writes no more, or has recorded everything that it knows. */
  async leave(id: string): Promise<void> {
    await this.#onAny((host, deadline) => host.run(`DELETE FROM ${this.#table} WHERE server = ?`, [id], deadline));
  }

  /** The writers of earlier runs that nobody can vouch for. Undefined if no host answers. */
  async silent(run: string): Promise<SilentWriter[] | undefined> {
    const answers = await Promise.allSettled(
      this.hosts.map((host) =>
        this.#withTable(host, (deadline) =>
          host.rows(`SELECT server, run, heard_at FROM ${this.#table}`, [], deadline),
        ),
      ),
    );
    const answered = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    if (answered.length === 0) return undefined;
    // A host may lack the newest row.
    const newest = new Map<string, { readonly run: string; readonly heardAtMs: number }>();
    for (const [server, of, heardAt] of answered.flat())
      if (Number(heardAt) >= (newest.get(String(server))?.heardAtMs ?? 0))
        newest.set(String(server), { run: String(of), heardAtMs: Number(heardAt) });
    return Array.from(newest, ([id, row]) => ({ id, ...row })).filter(
      (row) =>
        row.id !== row.run && row.run !== run && row.heardAtMs >= (newest.get(row.run)?.heardAtMs ?? 0) - settledMs,
    );
  }

  /** Removes all writers of other runs. */
  async forget(run: string): Promise<void> {
    await this.#onAny((host, deadline) => host.run(`DELETE FROM ${this.#table} WHERE run <> ?`, [run], deadline));
  }

  /** Removes old rows. */
  async sweep(nowMs: number): Promise<void> {
    await this.#onAny((host, deadline) =>
      host.run(`DELETE FROM ${this.#table} WHERE heard_at < ? LIMIT 1000`, [nowMs - keptMs], deadline),
    );
  }

  async #onAny(work: (host: DatabaseHost, deadline: Deadline) => Promise<unknown>): Promise<void> {
    const done = await Promise.allSettled(
      this.hosts.map((host) => this.#withTable(host, (deadline) => work(host, deadline))),
    );
    const failed = done.filter((result): result is PromiseRejectedResult => result.status === 'rejected');
    if (failed.length === done.length) throw failed[0]!.reason as Error;
  }

  #withTable<T>(host: DatabaseHost, work: (deadline: Deadline) => Promise<T>): Promise<T> {
    const deadline = Deadline.after(deadlineMs);
    return deadline.race(
      withTable(host, { table: this.#table, columns }, deadline, () => work(deadline)),
      `the writers of the journal on ${host.name}`,
    );
  }
}
