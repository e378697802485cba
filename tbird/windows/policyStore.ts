import { Deadline, isRoostError } from '../../core/index.js';
import type { DatabaseHost, SqlSession } from '../../gizzard/index.js';
import { readPolicy, type WindowPolicy } from './windowPolicy.js';

/** Making or dropping the tables of some windows takes no longer than this. */
const operationDeadlineMs = 120_000;
const readDeadlineMs = 5_000;

/** The policy in the name server's database. Who changes windows holds its row, so that one process does at a time; one that dies lets go of it. */
export class PolicyStore {
  readonly #table: string;

  /** `database` must be a checked identifier. */
  constructor(
    private readonly host: DatabaseHost,
    database: string,
  ) {
    this.#table = `\`${database}\`.\`tweet_policy\``;
  }

  /** Undefined where none was ever set. */
  async read(): Promise<WindowPolicy | undefined> {
    const deadline = Deadline.after(readDeadlineMs);
    try {
      const [row] = await this.host.rows(`SELECT policy FROM ${this.#table} WHERE id = 1 AND policy <> ''`, [], deadline);
      return row === undefined ? undefined : readPolicy(String(row[0]));
    } catch (error) {
      // The table is not there.
      if (isRoostError(error, 'FailedPrecondition')) return undefined;
      throw error;
    }
  }

  async create(): Promise<void> {
    const deadline = Deadline.after(readDeadlineMs);
    await this.host.run(
      `CREATE TABLE IF NOT EXISTS ${this.#table} (id TINYINT NOT NULL PRIMARY KEY, policy LONGTEXT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
      [],
      deadline,
    );
    await this.host.run(`INSERT IGNORE INTO ${this.#table} (id, policy) VALUES (1, '')`, [], deadline);
  }

  /** Changes the policy, and does what must happen together with that, while nobody else changes windows. */
  change<T>(work: (before: WindowPolicy | undefined, set: (policy: WindowPolicy) => Promise<void>) => Promise<T>): Promise<T> {
    const deadline = Deadline.after(operationDeadlineMs);
    return this.host.transaction(deadline, async (session: SqlSession) => {
      const [row] = await session.rows(`SELECT policy FROM ${this.#table} WHERE id = 1 FOR UPDATE`, [], deadline);
      const json = String(row?.[0] ?? '');
      return work(json === '' ? undefined : readPolicy(json), async (policy) => {
        await session.run(`UPDATE ${this.#table} SET policy = ? WHERE id = 1`, [JSON.stringify(policy)], deadline);
      });
    });
  }
}
