import { Deadline } from '../../core/index.js';
import { changesFromJson, changesToJson, type Change, type Control } from '../../gizzard/index.js';
import { hostClockMs } from '../../mysql/index.js';

const operationDeadlineMs = 5_000;

/** A dropped graph. Times are milliseconds since 1970, by the clock of the name server's host. */
export interface DroppedGraph {
  readonly id: number;
  readonly name: string;
  readonly droppedAtMs: number;
  /** Its tables are kept at least until then. */
  readonly keepUntilMs: number;
  /** The changes that bring it back into the topology. */
  readonly tree: readonly Change[];
}

/** Dropped graphs that can be brought back, in the control tables. */
export class DroppedGraphStore {
  readonly #table: string;

  constructor(private readonly control: Control) {
    this.#table = control.table('dropped_graphs');
  }

  /** The graphs whose tables are still kept, newest first. */
  async list(): Promise<DroppedGraph[]> {
    const rows = await this.control.read((host) =>
      host.rows(
        `SELECT graph_id, name, dropped_at_ms, keep_until_ms, tree FROM ${this.#table} WHERE keep_until_ms > ${hostClockMs} ORDER BY dropped_at_ms DESC`,
        [],
        deadline(),
      ),
    );
    return rows.map(([id, name, droppedAtMs, keepUntilMs, tree]) => ({
      id: Number(id),
      name: String(name),
      droppedAtMs: Number(droppedAtMs),
      keepUntilMs: Number(keepUntilMs),
      tree: changesFromJson(String(tree)),
    }));
  }

  /** Records a graph for `keepMs` from now on. */
  async add({ id, name, tree }: Pick<DroppedGraph, 'id' | 'name' | 'tree'>, keepMs: number): Promise<void> {
    await this.control.change(deadline(), async (session, touch) => {
      await session.run(
        `REPLACE INTO ${this.#table} (graph_id, name, dropped_at_ms, keep_until_ms, tree) VALUES (?, ?, ${hostClockMs}, ${hostClockMs} + ?, ?)`,
        [id, name, keepMs, changesToJson(tree)],
        deadline(),
      );
      touch('dropped_graphs', { graph_id: id });
    });
  }

  async remove(graphId: number): Promise<void> {
    await this.control.change(deadline(), async (session, touch) => {
      await session.run(`DELETE FROM ${this.#table} WHERE graph_id = ?`, [graphId], deadline());
      touch('dropped_graphs', { graph_id: graphId });
    });
  }
}

const deadline = (): Deadline => Deadline.after(operationDeadlineMs);
