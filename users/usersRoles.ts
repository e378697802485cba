import type { RolesOf } from '../access/index.js';
import type { UsersModule } from '../wire/index.js';

/** Roles that the methods of the service need. */
export const usersRoles: RolesOf<UsersModule.Client> = {
  server_info: 'any',
  get_users: 'read',
  put_users: 'write',
  change_users: 'write',
  remove_users: 'write',
};
