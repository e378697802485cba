export { userFlags, type UserRecord } from './user.js';
export { userRows, usersTableId, type UserRows } from './userRows.js';
export { Users } from './users.js';
export { openUsers, usersStore, type OpenUsers } from './usersStore.js';
export type { UsersSetup } from './usersTopology.js';
export type { Acknowledgment, ReadOptions, TimedWriteOptions, User, UserChange } from '../wire/index.js';
export type { Priority } from '../core/index.js';
