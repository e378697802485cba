import type { Pool, PoolConnection, RowDataPacket } from 'mysql2/promise';
import type { Columns } from '../edgeColumns.js';

/** Edges in a transaction. */
const batchEdges = 1_000;

type Row = [source: bigint, destination: bigint, time: bigint];

/**
 * The lower bound of loading: the rows and counters of a shard, written with mysql2 alone. Each batch takes one
 * transaction per direction:
 * it reads and locks existing rows in key order, inserts new rows and raises the counters, all in multi-row
 * statements.
 */
export class RawEdges {
  private constructor(
    private readonly pool: Pool,
    private readonly database: string,
  ) {}

  static async create(pool: Pool, database: string): Promise<RawEdges> {
    await pool.query(`CREATE DATABASE ${database}`);
    for (const side of ['forward', 'backward']) {
      await pool.query(`CREATE TABLE ${database}.${side}_edges (
        source_id BIGINT UNSIGNED NOT NULL, state TINYINT UNSIGNED NOT NULL, position BIGINT NOT NULL, destination_id BIGINT UNSIGNED NOT NULL,
        updated_at BIGINT NOT NULL, positioned_at BIGINT NOT NULL,
        PRIMARY KEY (source_id, state, position, destination_id), UNIQUE KEY membership (source_id, destination_id)) ENGINE=InnoDB`);
      await pool.query(`CREATE TABLE ${database}.${side}_nodes (
        source_id BIGINT UNSIGNED NOT NULL PRIMARY KEY, normal_count BIGINT NOT NULL, negative_count BIGINT NOT NULL,
        archived_count BIGINT NOT NULL, removed_count BIGINT NOT NULL) ENGINE=InnoDB`);
    }
    return new RawEdges(pool, database);
  }

  /** Loads all edges with some workers at once. */
  async load({ sourceIds, destinationIds }: Columns, workers: number): Promise<void> {
    let next = 0;
    const work = async (): Promise<void> => {
      const connection = await this.pool.getConnection();
      await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
      for (let start = next; start < sourceIds.length; start = next) {
        next = start + batchEdges;
        const time = BigInt(Date.now()) * 1000n;
        const forward: Row[] = [];
        const backward: Row[] = [];
        for (let i = start; i < Math.min(next, sourceIds.length); i++) {
          forward.push([sourceIds[i]!, destinationIds[i]!, time + BigInt(i)]);
          backward.push([destinationIds[i]!, sourceIds[i]!, time + BigInt(i)]);
        }
        await this.#retried(connection, 'forward', forward);
        await this.#retried(connection, 'backward', backward);
      }
      connection.release();
    };
    await Promise.all(Array.from({ length: workers }, work));
  }

  async drop(): Promise<void> {
    await this.pool.query(`DROP DATABASE ${this.database}`);
  }

  async #retried(connection: PoolConnection, side: string, rows: Row[]): Promise<void> {
    rows.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] < b[1] ? -1 : 1));
    for (let attempt = 1; ; attempt++) {
      try {
        await connection.query('START TRANSACTION');
        await this.#transaction(connection, side, rows);
        await connection.query('COMMIT');
        return;
      } catch (error) {
        await connection.query('ROLLBACK');
        const { code } = error as { code?: string };
        if (attempt === 20 || (code !== 'ER_LOCK_DEADLOCK' && code !== 'ER_DUP_ENTRY')) throw error;
      }
    }
  }

  async #transaction(connection: PoolConnection, side: string, rows: readonly Row[]): Promise<void> {
    const [known] = await connection.execute<RowDataPacket[]>(
      `SELECT e.source_id, e.destination_id, e.state, e.updated_at, e.position, e.positioned_at
       FROM (SELECT s, d FROM JSON_TABLE(?, '$[*]' COLUMNS (s BIGINT UNSIGNED PATH '$[0]', d BIGINT UNSIGNED PATH '$[1]')) j) k
       STRAIGHT_JOIN ${this.database}.${side}_edges e ON e.source_id = k.s AND e.destination_id = k.d FOR UPDATE`,
      [`[${rows.map(([source, destination]) => `[${source},${destination}]`).join()}]`],
    );
    const present = new Set(known.map((row) => `${String(row[0])} ${String(row[1])}`));
    const fresh = rows.filter(([source, destination]) => !present.has(`${source} ${destination}`));
    if (fresh.length === 0) return;
    await connection.query(
      `INSERT INTO ${this.database}.${side}_edges (source_id, state, position, destination_id, updated_at, positioned_at) VALUES ?`,
      [fresh.map(([source, destination, time]) => [source, 0, time, destination, time, time])],
    );
    const counts = new Map<bigint, number>();
    for (const [source] of fresh) counts.set(source, (counts.get(source) ?? 0) + 1);
    await connection.query(
      `INSERT INTO ${this.database}.${side}_nodes (source_id, normal_count, negative_count, archived_count, removed_count) VALUES ?
       ON DUPLICATE KEY UPDATE normal_count = normal_count + VALUES(normal_count)`,
      [[...counts].map(([source, count]) => [source, count, 0, 0, 0])],
    );
  }
}
