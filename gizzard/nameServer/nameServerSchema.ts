import { isRoostError, RoostError, type Deadline } from '../../core/index.js';
import { existingTables, type DatabaseHost, type SqlSession } from '../../mysql/index.js';
import { shardKey, type ShardId } from '../topology/types.js';
import { addedColumns, addedTables, nameServerSchema } from './nameServerTables.js';
import type { TableName } from './topologySql.js';

/** The first schema version with named attributes. */
const namedAttributesSchema = 3;

/** The schema of one replica of the name server: its version, and parts that an earlier release left out. */
export class NameServerSchema {
  #added: Promise<void> | undefined;
  #hasAttributes = false;

  constructor(
    private readonly host: DatabaseHost,
    private readonly database: string,
    private readonly table: TableName,
    /** Undefined if the replica was never set up. */
    private readonly head: (session: SqlSession, deadline: Deadline) => Promise<object | undefined>,
  ) {}

  /** The version of this replica's tables: 1 if none was noted, undefined if it was never set up. */
  async version(deadline: Deadline): Promise<number | undefined> {
    if ((await this.head(this.host, deadline)) === undefined) return undefined;
    try {
      const [row] = await this.host.rows(
        `SELECT version FROM ${this.table('schema_version')} WHERE id = 1`,
        [],
        deadline,
      );
      return row === undefined ? 1 : Number(row[0]);
    } catch (error) {
      if (isRoostError(error) && error.fields['sql_code'] === 'ER_NO_SUCH_TABLE') return 1;
      throw error;
    }
  }

  /** Notes a version, unless a later one is noted. */
  async note(version: number, deadline: Deadline): Promise<void> {
    await this.addMissing(deadline);
    await this.host.run(
      `INSERT INTO ${this.table('schema_version')} (id, version) VALUES (1, ?) ON DUPLICATE KEY UPDATE version = GREATEST(version, VALUES(version))`,
      [version],
      deadline,
    );
  }

  /** Whether shards' attributes have their column. Changes nothing. */
  async hasAttributes(session: SqlSession, deadline: Deadline): Promise<boolean> {
    return (this.#hasAttributes ||= await this.#hasColumn(session, 'shards', deadline));
  }

  /**
   * Throws `FailedPrecondition` while servers of earlier releases may be running: they would lose attributes that the
   * two texts cannot hold.
   */
  async requireNamedAttributes(id: ShardId, deadline: Deadline): Promise<void> {
    if (((await this.version(deadline)) ?? nameServerSchema) >= namedAttributesSchema) return;
    throw new RoostError(
      'FailedPrecondition',
      `the attributes of shard ${shardKey(id)} need the name server's schema of this release: run \`roost upgrade\` first`,
      { fields: { shard: shardKey(id) } },
    );
  }

  /** Adds what a name server of an earlier version lacks. One that was never set up stays so. */
  async addMissing(deadline: Deadline): Promise<void> {
    this.#added ??= (async () => {
      if ((await this.head(this.host, deadline)) === undefined) {
        this.#added = undefined;
        return;
      }
      const there = await existingTables(this.host, this.database, Object.keys(addedTables), deadline);
      for (const [table, columns] of Object.entries(addedTables))
        if (!there.has(table)) await this.createTable(table, columns, deadline);
      for (const table of Object.keys(addedColumns)) await this.#addColumn(table, deadline);
    })().catch((error: unknown) => {
      this.#added = undefined;
      throw error;
    });
    return this.#added;
  }

  /** Adds the column that an earlier version's table lacks. */
  async #addColumn(table: string, deadline: Deadline): Promise<void> {
    if (await this.#hasColumn(this.host, table, deadline)) return;
    const [name, type] = addedColumns[table]!;
    try {
      await this.host.run(`ALTER TABLE ${this.table(table)} ADD COLUMN ${name} ${type}`, [], deadline);
    } catch (error) {
      // Another process was faster.
      if (!(await this.#hasColumn(this.host, table, deadline))) throw error;
    }
  }

  async #hasColumn(session: SqlSession, table: string, deadline: Deadline): Promise<boolean> {
    const found = await session.rows(
      'SELECT 1 FROM information_schema.columns WHERE table_schema = ? AND table_name = ? AND column_name = ?',
      [this.database, table, addedColumns[table]![0]],
      deadline,
    );
    return found.length > 0;
  }

  async createTable(table: string, columns: string, deadline: Deadline): Promise<void> {
    await this.host.run(
      `CREATE TABLE IF NOT EXISTS ${this.table(table)} ${columns} ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
      [],
      deadline,
    );
  }
}
