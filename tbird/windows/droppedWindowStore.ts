import { Deadline } from '../../core/index.js';
import { changesFromJson, changesToJson, type Change, type Control } from '../../gizzard/index.js';
import type { SqlRow, SqlValue } from '../../mysql/index.js';

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

/** Windows that were dropped and can be brought back, in the control tables. */
export class DroppedWindowStore {
  readonly #table: string;

  constructor(private readonly control: Control) {
    this.#table = control.table('tweet_dropped_windows');
  }

  /** Oldest windows first; of one window the newest record first. */
  async list(): Promise<DroppedWindowRecord[]> {
    return (
      await this.control.read((host) =>
        host.rows(`SELECT ${columns} FROM ${this.#table} ORDER BY start_ms, dropped_at_ms DESC`, [], deadline()),
      )
    ).map(recordOf);
  }

  async add(record: DroppedWindowRecord): Promise<void> {
    const { startMs, droppedAtMs, keepUntilMs, state, tree } = record;
    await this.#change(record, `REPLACE INTO ${this.#table} (${columns}) VALUES (?, ?, ?, ?, ?)`, [
      startMs,
      droppedAtMs,
      keepUntilMs,
      state,
      changesToJson(tree),
    ]);
  }

  async setState(record: DroppedWindowRecord, state: DroppedWindowRecord['state']): Promise<void> {
    await this.#change(record, `UPDATE ${this.#table} SET state = ? WHERE start_ms = ? AND dropped_at_ms = ?`, [
      state,
      record.startMs,
      record.droppedAtMs,
    ]);
  }

  async remove(record: DroppedWindowRecord): Promise<void> {
    await this.#change(record, `DELETE FROM ${this.#table} WHERE start_ms = ? AND dropped_at_ms = ?`, [
      record.startMs,
      record.droppedAtMs,
    ]);
  }

  async #change(
    { startMs, droppedAtMs }: DroppedWindowRecord,
    sql: string,
    values: readonly SqlValue[],
  ): Promise<void> {
    await this.control.change(deadline(), async (session, touch) => {
      await session.run(sql, values, deadline());
      touch('tweet_dropped_windows', { start_ms: startMs, dropped_at_ms: droppedAtMs });
    });
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
