export { userFlags, type UserRecord } from './user.js';
export { userRows, usersTableId, type UserRows } from './userRows.js';
export { openUsers, Users, usersTypes, type OpenUsers, type OpenUsersOptions } from './users.js';
export type { UsersSetup } from './usersTopology.js';
export type { Acknowledgement, ReadOptions, TimedWriteOptions, User, UserChange } from '../wire/index.js';
export type { Priority } from '../core/index.js';
