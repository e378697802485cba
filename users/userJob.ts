import type { JobType } from '../gizzard/index.js';
import type { UserRecord } from './user.js';
import { decodeUsers } from './userBytes.js';
import { usersTableId, type UserRows } from './userRows.js';
import { applyUsers, userTable } from './userTable.js';

export const userJobKind = 'users.put';

/** Writes of users. A job is done when both the shard and the cache have it: a reader who was told so finds nothing older. */
export const userJob = (database: string, rows?: UserRows): JobType<UserRecord> => ({
  kind: userJobKind,
  split(payload, add) {
    for (const user of decodeUsers(payload)) add(usersTableId, user.id, user);
  },
  async apply(host, leaf, users, deadline) {
    const write = () => applyUsers(host, userTable(database, leaf.shard), users, deadline);
    await (rows?.through([...new Set(users.map(({ id }) => id))], write) ?? write());
    return [];
  },
});
