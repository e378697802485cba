import { Deadline, isRoostError } from '../../core/index.js';
import { changesFromJson, changesToJson, hostClockMs, type Change, type DatabaseHost } from '../../gizzard/index.js';

const operationDeadlineMs = 5_000;

/** A graph that was dropped. Times by the clock of the name server's host, in milliseconds since 1970. */
export interface DroppedGraph {
  readonly id: number;
  readonly name: string;
  readonly droppedAtMs: number;
  /** Its tables are kept at least until then. */
  readonly keepUntilMs: number;
  /** What brings it back into the topology. */
  readonly tree: readonly Change[];
}

/** Graphs that were dropped and can be brought back, in the name server's database. */
export class DroppedGraphStore {
  readonly #table: string;

  /** `database` must be a checked identifier. */
  constructor(
    private readonly host: DatabaseHost,
    database: string,
  ) {
    this.#table = `\`${database}\`.\`dropped_graphs\``;
  }

  /** Those whose tables are still kept, the newest first. */
  async list(): Promise<DroppedGraph[]> {
    try {
      const rows = await this.host.rows(`SELECT graph_id, name, dropped_at_ms, keep_until_ms, tree FROM ${this.#table} WHERE keep_until_ms > ${hostClockMs} ORDER BY dropped_at_ms DESC`, [], deadline());
      return rows.map(([id, name, droppedAtMs, keepUntilMs, tree]) => ({ id: Number(id), name: String(name), droppedAtMs: Number(droppedAtMs), keepUntilMs: Number(keepUntilMs), tree: changesFromJson(String(tree)) }));
    } catch (error) {
      // The table is not there: nothing was ever dropped.
      if (isRoostError(error, 'FailedPrecondition')) return [];
      throw error;
    }
  }

  /** Records a graph for `keepMs` from now on, and forgets those that are past that. */
  async add(graph: Pick<DroppedGraph, 'id' | 'name' | 'tree'>, keepMs: number): Promise<void> {
    await this.host.run(
      `CREATE TABLE IF NOT EXISTS ${this.#table} (
        graph_id INT NOT NULL PRIMARY KEY,
        name VARCHAR(64) NOT NULL,
        dropped_at_ms BIGINT NOT NULL,
        keep_until_ms BIGINT NOT NULL,
        tree LONGTEXT NOT NULL
      ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
      [],
      deadline(),
    );
    await this.host.run(`DELETE FROM ${this.#table} WHERE keep_until_ms <= ${hostClockMs}`, [], deadline());
    await this.host.run(
      `REPLACE INTO ${this.#table} (graph_id, name, dropped_at_ms, keep_until_ms, tree) VALUES (?, ?, ${hostClockMs}, ${hostClockMs} + ?, ?)`,
      [graph.id, graph.name, keepMs, changesToJson(graph.tree)],
      deadline(),
    );
  }

  async remove(graphId: number): Promise<void> {
    await this.host.run(`DELETE FROM ${this.#table} WHERE graph_id = ?`, [graphId], deadline());
  }
}

const deadline = (): Deadline => Deadline.after(operationDeadlineMs);
