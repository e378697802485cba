export { userFlags, type User, type UserChange, type UserRecord } from './user.js';
export { userRows, usersTableId, type UserRows } from './userRows.js';
export { openUsers, Users, usersTypes, type OpenUsers, type OpenUsersOptions, type UserWriteOptions } from './users.js';
export type { UsersSetup } from './usersTopology.js';
