import { Deadline, isRoostError } from '../../core/index.js';
import { changesFromJson, changesToJson, type Change, type DatabaseHost, type SqlRow } from '../../gizzard/index.js';

const operationDeadlineMs = 5_000;
const columns = 'start_ms, dropped_at_ms, keep_until_ms, state, tree';

/** A window that the retention dropped. */
export interface DroppedWindowRecord {
  readonly startMs: number;
  readonly droppedAtMs: number;
  /** Its tables are kept at least until then. */
  readonly keepUntilMs: number;
  /** `back`: it was brought back, and no retention drops it until an operator says so. */
  readonly state: 'dropped' | 'back';
  /** What brings it back into the topology. */
  readonly tree: readonly Change[];
}

/** Windows that were dropped and can be brought back, beside the policy in the name server's database. */
export class DroppedWindowStore {
  readonly #table: string;

  /** `database` must be a checked identifier. */
  constructor(
    private readonly host: DatabaseHost,
    database: string,
  ) {
    this.#table = `\`${database}\`.\`tweet_dropped_windows\``;
  }

  async create(): Promise<void> {
    await this.host.run(
      `CREATE TABLE IF NOT EXISTS ${this.#table} (
        start_ms BIGINT NOT NULL,
        dropped_at_ms BIGINT NOT NULL,
        keep_until_ms BIGINT NOT NULL,
        state VARCHAR(16) NOT NULL,
        tree LONGTEXT NOT NULL,
        PRIMARY KEY (start_ms, dropped_at_ms)
      ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
      [],
      deadline(),
    );
  }

  /** Oldest windows first; of one window the newest record first. */
  async list(): Promise<DroppedWindowRecord[]> {
    try {
      return (await this.host.rows(`SELECT ${columns} FROM ${this.#table} ORDER BY start_ms, dropped_at_ms DESC`, [], deadline())).map(recordOf);
    } catch (error) {
      // The table is not there: nothing was ever dropped.
      if (isRoostError(error, 'FailedPrecondition')) return [];
      throw error;
    }
  }

  async add({ startMs, droppedAtMs, keepUntilMs, state, tree }: DroppedWindowRecord): Promise<void> {
    await this.host.run(`REPLACE INTO ${this.#table} (${columns}) VALUES (?, ?, ?, ?, ?)`, [startMs, droppedAtMs, keepUntilMs, state, changesToJson(tree)], deadline());
  }

  async setState({ startMs, droppedAtMs }: DroppedWindowRecord, state: DroppedWindowRecord['state']): Promise<void> {
    await this.host.run(`UPDATE ${this.#table} SET state = ? WHERE start_ms = ? AND dropped_at_ms = ?`, [state, startMs, droppedAtMs], deadline());
  }

  async remove({ startMs, droppedAtMs }: DroppedWindowRecord): Promise<void> {
    await this.host.run(`DELETE FROM ${this.#table} WHERE start_ms = ? AND dropped_at_ms = ?`, [startMs, droppedAtMs], deadline());
  }
}

const recordOf = ([startMs, droppedAtMs, keepUntilMs, state, tree]: SqlRow): DroppedWindowRecord => ({
  startMs: Number(startMs),
  droppedAtMs: Number(droppedAtMs),
  keepUntilMs: Number(keepUntilMs),
  state: String(state) as DroppedWindowRecord['state'],
  tree: changesFromJson(String(tree)),
});

const deadline = (): Deadline => Deadline.after(operationDeadlineMs);
