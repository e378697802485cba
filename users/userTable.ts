import type { Deadline } from '../core/index.js';
import type { ShardInfo } from '../gizzard/index.js';
import { type DatabaseHost, type SqlRow, type SqlSession, shardTable } from '../mysql/index.js';
import { mergeUsers, sameUser, type UserRecord } from './user.js';

/** The name of a shard's table, quoted, ready for SQL. */
export const userTable = (database: string, shard: ShardInfo): string =>
  shardTable(database, shard.id.tablePrefix, 'users');

/** The columns of a row, in the order in which `recordOf` takes them. */
export const userColumns = 'id, name, name_at, screen_name, screen_name_at, flags, flags_at, present, present_at';

// Inside a derived table, as MySQL 8 refuses to lock a statement whose own table is a JSON_TABLE (error 3569).
const readSql = (table: string, lock: string): string =>
  `SELECT ${userColumns.replaceAll(/\w+/g, 'u.$&')}
   FROM (SELECT i FROM JSON_TABLE(?, '$[*]' COLUMNS (i BIGINT UNSIGNED PATH '$')) j) k STRAIGHT_JOIN ${table} u ON u.id = k.i ${lock}`;

/** The rows that exist of some ids. */
export async function readUsers(
  session: SqlSession,
  table: string,
  ids: readonly bigint[],
  deadline: Deadline,
  lock = '',
): Promise<Map<bigint, UserRecord>> {
  const rows = await session.rows(readSql(table, lock), [`[${ids.join()}]`], deadline);
  return new Map(rows.map((row) => [BigInt(row[0] as number), recordOf(row)]));
}

/**
 * Merges writes into one shard's rows, in one transaction, and returns the rows as they then are. Rows that exist are locked in the order of their ids; new ones
 * are inserted plainly: when another process has inserted one since, that is a duplicate key, and the transaction starts again.
 */
export function applyUsers(
  host: DatabaseHost,
  table: string,
  writes: readonly UserRecord[],
  deadline: Deadline,
): Promise<Map<bigint, UserRecord>> {
  const ids = [...new Set(writes.map(({ id }) => id))].sort((a, b) => (a < b ? -1 : 1));
  return host.transaction(deadline, async (session) => {
    const before = await readUsers(session, table, ids, deadline, 'FOR UPDATE');
    const after = new Map(before);
    for (const write of writes) {
      const known = after.get(write.id);
      after.set(write.id, known === undefined ? write : mergeUsers(known, write));
    }
    const changed = ids.map((id) => after.get(id)!).filter((user) => user !== before.get(user.id));
    await writeUsers(
      session,
      table,
      changed.filter(({ id }) => !before.has(id)),
      '',
      deadline,
    );
    await writeUsers(
      session,
      table,
      changed.filter(({ id }) => before.has(id)),
      replaceAll,
      deadline,
    );
    return after;
  });
}

/** Deletes the rows that are still as given. Returns how many it deleted. */
export function removeUsers(
  host: DatabaseHost,
  table: string,
  users: readonly UserRecord[],
  deadline: Deadline,
): Promise<number> {
  const given = new Map(users.map((user) => [user.id, user]));
  const ids = [...given.keys()].sort((a, b) => (a < b ? -1 : 1));
  return host.transaction(deadline, async (session) => {
    const unchanged = [...(await readUsers(session, table, ids, deadline, 'FOR UPDATE')).values()].filter((user) =>
      sameUser(user, given.get(user.id)!),
    );
    for (const { id } of unchanged) await session.run(`DELETE FROM ${table} WHERE id = ?`, [id], deadline);
    return unchanged.length;
  });
}

const replaceAll = `ON DUPLICATE KEY UPDATE ${userColumns
  .split(', ')
  .slice(1)
  .map((column) => `${column} = VALUES(${column})`)
  .join(', ')}`;

async function writeUsers(
  session: SqlSession,
  table: string,
  users: readonly UserRecord[],
  onDuplicate: string,
  deadline: Deadline,
): Promise<void> {
  if (users.length === 0) return;
  await session.run(
    `INSERT INTO ${table} (${userColumns})
     SELECT i, n, n_at, s, s_at, f, f_at, p, p_at
     FROM JSON_TABLE(?, '$[*]' COLUMNS (
       i BIGINT UNSIGNED PATH '$[0]',
       n VARCHAR(50) CHARACTER SET utf8mb4 PATH '$[1]', n_at BIGINT PATH '$[2]',
       s VARCHAR(20) CHARACTER SET utf8mb4 PATH '$[3]', s_at BIGINT PATH '$[4]',
       f INT UNSIGNED PATH '$[5]', f_at BIGINT PATH '$[6]',
       p TINYINT UNSIGNED PATH '$[7]', p_at BIGINT PATH '$[8]')) j
     ${onDuplicate}`,
    // Integers go as texts, which both servers turn into integers exactly.
    [
      JSON.stringify(
        users.map(({ id, name, screenName, flags, exists }) => [
          String(id),
          ...[name, screenName, flags].flatMap(({ value, at }) => [value, String(at)]),
          exists.value ? 1 : 0,
          String(exists.at),
        ]),
      ),
    ],
    deadline,
  );
}

export const recordOf = ([
  id,
  name,
  nameAt,
  screenName,
  screenNameAt,
  flags,
  flagsAt,
  present,
  presentAt,
]: SqlRow): UserRecord => ({
  id: BigInt(id as number),
  name: { value: String(name), at: BigInt(nameAt as number) },
  screenName: { value: String(screenName), at: BigInt(screenNameAt as number) },
  flags: { value: Number(flags), at: BigInt(flagsAt as number) },
  exists: { value: Number(present) === 1, at: BigInt(presentAt as number) },
});
