import { Deadline, isRoostError } from '../../core/index.js';
import type { DatabaseHost } from '../../mysql/index.js';

/** A process that has had jobs accepted, and has not written down yet how many. */
export interface SilentWriter {
  readonly id: string;
  /** When it was last heard of, by the journal's clock, in milliseconds since 1970. */
  readonly heardAtMs: number;
}

const deadlineMs = 3_000;
/** A writer that died so long before its Redis did has lost nothing: Redis has written its file since. */
const settledMs = 5_000;
/** Rows of processes that were killed go after this time. */
const keptMs = 86_400_000;

/**
 * The processes that write to the journal, on each host of the name server, with the run of Redis that they write to. Each renews its row every second, and takes it out when it has
 * written down how many jobs it knows to be accepted. So when Redis has started anew, a row of an earlier run stands for acknowledged writes that nobody can vouch for.
 *
 * A row whose `server` is the run itself says when anybody last wrote to that run.
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

  /** Says that a process writes to a run. Returns when one host knows it; throws where none could be told. */
  async note(id: string, run: string, nowMs: number): Promise<void> {
    const sql = `INSERT INTO ${this.#table} (server, run, heard_at) VALUES (?, ?, ?), (?, ?, ?) ON DUPLICATE KEY UPDATE run = VALUES(run), heard_at = GREATEST(heard_at, VALUES(heard_at))`;
    // A host that hangs does not hold up the first write of a process.
    await Promise.any(
      this.hosts.map((host) =>
        this.#withTable(host, (deadline) => host.run(sql, [id, run, nowMs, run, run, nowMs], deadline)),
      ),
    );
  }

  /** A process writes no more, or everything that it knows is written down. */
  async leave(id: string): Promise<void> {
    await this.#onAny((host, deadline) => host.run(`DELETE FROM ${this.#table} WHERE server = ?`, [id], deadline));
  }

  /** The writers of earlier runs that nobody can vouch for. Undefined where no host answers. */
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
    // A host may have missed the newest.
    const newest = new Map<string, { readonly run: string; readonly heardAtMs: number }>();
    for (const [server, of, heardAt] of answered.flat())
      if (Number(heardAt) >= (newest.get(String(server))?.heardAtMs ?? 0))
        newest.set(String(server), { run: String(of), heardAtMs: Number(heardAt) });
    return Array.from(newest, ([id, row]) => ({ id, ...row })).filter(
      (row) =>
        row.id !== row.run && row.run !== run && row.heardAtMs >= (newest.get(row.run)?.heardAtMs ?? 0) - settledMs,
    );
  }

  /** Forgets all writers of other runs. */
  async forget(run: string): Promise<void> {
    await this.#onAny((host, deadline) => host.run(`DELETE FROM ${this.#table} WHERE run <> ?`, [run], deadline));
  }

  /** Forgets rows of long ago. */
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

  /** Makes the table where it is missing. */
  async #withTable<T>(host: DatabaseHost, work: (deadline: Deadline) => Promise<T>): Promise<T> {
    const deadline = Deadline.after(deadlineMs);
    const attempt = async (): Promise<T> => {
      try {
        return await work(deadline);
      } catch (error) {
        if (!isRoostError(error) || error.fields['sql_code'] !== 'ER_NO_SUCH_TABLE') throw error;
        await host.run(
          `CREATE TABLE IF NOT EXISTS ${this.#table} (server CHAR(40) NOT NULL PRIMARY KEY, run CHAR(40) NOT NULL, heard_at BIGINT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
          [],
          deadline,
        );
        return work(deadline);
      }
    };
    return deadline.race(attempt(), `the writers of the journal on ${host.name}`);
  }
}
