import type { Deadline } from '../core/index.js';
import {
  columnTypes,
  defineTable,
  type DatabaseHost,
  type RowOf,
  type ShardTable,
  type ShardTables,
  type SqlRow,
  type SqlSession,
} from '../mysql/index.js';
import { mergeUsers, sameUser, type UserRecord } from './user.js';

const { id, int64, text, uint32, boolean } = columnTypes;
const columns = {
  id,
  name: text(50),
  name_at: int64,
  screen_name: text(20),
  screen_name_at: int64,
  flags: uint32,
  flags_at: int64,
  present: boolean,
  present_at: int64,
};

/** Each field stands beside its time. */
export const usersTable = defineTable('users', columns, 'id');
export type UserTable = ShardTable<typeof columns>;
export type UserTables = ShardTables<typeof columns>;

const { read } = usersTable;
export const recordOf = (row: SqlRow): UserRecord => ({
  id: read.id(row),
  name: { value: read.name(row), at: read.name_at(row) },
  screenName: { value: read.screen_name(row), at: read.screen_name_at(row) },
  flags: { value: read.flags(row), at: read.flags_at(row) },
  exists: { value: read.present(row), at: read.present_at(row) },
});

export const rowOf = ({ id, name, screenName, flags, exists }: UserRecord): RowOf<typeof usersTable> => ({
  id,
  name: name.value,
  name_at: name.at,
  screen_name: screenName.value,
  screen_name_at: screenName.at,
  flags: flags.value,
  flags_at: flags.at,
  present: exists.value,
  present_at: exists.at,
});

/** The existing rows of some ids. */
export async function readUsers(
  session: SqlSession,
  table: UserTable,
  ids: readonly bigint[],
  deadline: Deadline,
  lock?: 'FOR UPDATE',
): Promise<Map<bigint, UserRecord>> {
  const users = (await table.rowsAt(session, ids, deadline, lock)).map(recordOf);
  return new Map(users.map((user) => [user.id, user]));
}

/**
 * Merges writes into a shard's rows in one transaction, and returns the resulting rows. Existing rows are locked in
 * the order of their ids; new rows are inserted plainly. If another process has inserted one since, the duplicate key
 * restarts the transaction.
 */
export function applyUsers(
  host: DatabaseHost,
  table: UserTable,
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
    const [known, fresh] = [true, false].map((isKnown) =>
      changed.filter(({ id }) => before.has(id) === isKnown).map(rowOf),
    );
    await table.insert(session, fresh!, deadline);
    await table.replace(session, known!, deadline);
    return after;
  });
}

/** Deletes the rows that are unchanged since they were read. Returns how many. */
export function removeUsers(
  host: DatabaseHost,
  table: UserTable,
  users: readonly UserRecord[],
  deadline: Deadline,
): Promise<number> {
  const given = new Map(users.map((user) => [user.id, user]));
  const ids = [...given.keys()].sort((a, b) => (a < b ? -1 : 1));
  return host.transaction(deadline, async (session) => {
    const unchanged = [...(await readUsers(session, table, ids, deadline, 'FOR UPDATE')).values()].filter((user) =>
      sameUser(user, given.get(user.id)!),
    );
    for (const { id } of unchanged) await table.remove(session, id, deadline);
    return unchanged.length;
  });
}
