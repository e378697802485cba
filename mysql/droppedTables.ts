import { isRoostError, type Deadline } from '../core/index.js';
import type { DatabaseHost, SqlRow } from './databaseHost.js';
import type { ShardDatabase } from './shardDatabase.js';

const columns = 'name, table_prefix, type, source_type, destination_type, why, dropped_at_ms, keep_until_ms';

/** A shard with set-aside tables, as its host lists it. */
export interface ListedTables {
  /** The prefix of its tables in the database for set-aside tables. */
  readonly name: string;
  readonly shard: {
    readonly id: { readonly hostname: string; readonly tablePrefix: string };
    readonly type: string;
    readonly attributes: Readonly<Record<string, string>>;
    readonly busy: 'normal';
  };
  readonly why: string;
  readonly droppedAtMs: number;
  readonly keepUntilMs: number;
}

/** Adds the estimated bytes of its tables and their indexes. */
type KeptTables = ListedTables & { readonly bytes: number };

/** The lists of dropped tables that hosts keep beside them. */
export function droppedTablesList({ aside }: ShardDatabase) {
  const list = aside.named('dropped_shards');
  return {
    async add(
      host: DatabaseHost,
      {
        name,
        shard,
        why,
        droppedAtMs,
        keepUntilMs,
      }: Omit<ListedTables, 'shard'> & {
        readonly shard: Omit<ListedTables['shard'], 'busy'>;
      },
      deadline: Deadline,
    ): Promise<void> {
      await aside.create(host, deadline);
      await host.run(
        `CREATE TABLE IF NOT EXISTS ${list} (
          name VARCHAR(64) NOT NULL PRIMARY KEY,
          table_prefix VARCHAR(54) NOT NULL,
          type VARCHAR(64) NOT NULL,
          source_type VARCHAR(255) NOT NULL,
          destination_type VARCHAR(255) NOT NULL,
          why VARCHAR(2000) NOT NULL,
          dropped_at_ms BIGINT NOT NULL,
          keep_until_ms BIGINT NOT NULL,
          KEY keep_until (keep_until_ms)
        ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
        [],
        deadline,
      );
      await host.run(
        `INSERT INTO ${list} (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        [
          name,
          shard.id.tablePrefix,
          shard.type,
          Object.keys(shard.attributes).length === 0 ? '' : JSON.stringify(shard.attributes),
          '',
          why.slice(0, 2_000),
          droppedAtMs,
          keepUntilMs,
        ],
        deadline,
      );
    },
    async list(
      host: DatabaseHost,
      deadline: Deadline,
    ): Promise<{ readonly dropped: KeptTables; readonly held: boolean }[]> {
      try {
        const rows = await host.rows(`SELECT ${columns} FROM ${list} ORDER BY dropped_at_ms DESC, name`, [], deadline);
        if (rows.length === 0) return [];
        const tables = await host.rows(
          `SELECT table_name, COALESCE(data_length + index_length, 0) FROM information_schema.tables WHERE table_schema = ?`,
          [aside.name],
          deadline,
        );
        return rows.map((row) => {
          const listed = droppedOf(host.name, row);
          const own = tables.filter(([table]) => String(table).startsWith(`${listed.name}_`));
          const bytes = own.reduce((sum, [, size]) => sum + Number(size), 0);
          return { dropped: { ...listed, bytes }, held: own.length > 0 };
        });
      } catch (error) {
        // Nothing was ever dropped here.
        if (isRoostError(error, 'FailedPrecondition')) return [];
        throw error;
      }
    },
    async remove(host: DatabaseHost, name: string, deadline: Deadline): Promise<void> {
      await host.run(`DELETE FROM ${list} WHERE name = ?`, [name], deadline);
    },
  };
}

/** `source_type` holds them as JSON. Earlier releases wrote two unnamed texts: Gizzard names them by type. */
function attributesOf(sourceType: string, destinationType: string): Readonly<Record<string, string>> {
  if (sourceType.startsWith('{')) return JSON.parse(sourceType) as Record<string, string>;
  return { ...(sourceType && { sourceType }), ...(destinationType && { destinationType }) };
}

const droppedOf = (
  hostname: string,
  [name, tablePrefix, type, sourceType, destinationType, why, droppedAtMs, keepUntilMs]: SqlRow,
): ListedTables => ({
  name: String(name),
  shard: {
    id: { hostname, tablePrefix: String(tablePrefix) },
    type: String(type),
    attributes: attributesOf(String(sourceType), String(destinationType)),
    busy: 'normal',
  },
  why: String(why),
  droppedAtMs: Number(droppedAtMs),
  keepUntilMs: Number(keepUntilMs),
});
