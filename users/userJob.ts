import { limits, RoostError } from '../core/index.js';
import type { Gizzard, JobType } from '../gizzard/index.js';
import type { DatabaseHost } from '../mysql/index.js';
import { checkChange, never, type UserRecord } from './user.js';
import { decodeUsers } from './userBytes.js';
import { usersTableId, type UserRows } from './userRows.js';
import { applyUsers, type UserTables } from './userTable.js';

export const userJobKind = 'users.put';

const invalid = (message: string): RoostError => new RoostError('InvalidArgument', message);

/**
 * Writes of users. A job is done once both the shard and the cache have it: a reader who was told so finds nothing
 * older.
 */
export const userJob = (
  tables: UserTables,
  rows: UserRows,
  gizzard: Pick<Gizzard, 'isCurrent'>,
): JobType<UserRecord, DatabaseHost> => ({
  kind: userJobKind,
  split(payload, add) {
    for (const user of decodeUsers(payload)) add(usersTableId, user.id, user);
  },
  check(payload, { latest }) {
    const users = decodeUsers(payload);
    if (users.length === 0 || users.length > limits.operationsPerWrite)
      throw invalid(`a job holds 1 to ${limits.operationsPerWrite} users, not ${users.length}`);
    for (const { id, name, screenName, flags, exists } of users) {
      for (const { at } of [name, screenName, flags, exists])
        if (at < never || at > latest) throw invalid(`times are microseconds from 1970 to a day from now, not ${at}`);
      // A removed user has no names to check.
      checkChange({
        id,
        ...(name.value === '' ? {} : { name: name.value }),
        ...(screenName.value === '' ? {} : { screenName: screenName.value }),
        flags: flags.value,
      });
    }
  },
  async apply(host, leaf, users, deadline) {
    const write = () => applyUsers(host, tables.at(leaf.shard), users, deadline);
    await rows.through([...new Set(users.map(({ id }) => id))], write, () => gizzard.isCurrent(leaf));
    return [];
  },
  forget: async (users) => rows.invalidate([...new Set(users.map(({ id }) => id))]),
});
