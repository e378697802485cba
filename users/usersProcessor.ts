import { inTurns } from '../core/index.js';
import {
  type Caller,
  readOptions,
  writeOptions,
  serverInfoMethod,
  type ServiceOptions,
  thriftService,
  type ThriftService,
  kindsOf,
} from '../server/index.js';
import {
  column,
  errorToThrift,
  required,
  userChangeFromThrift,
  userFromThrift,
  UsersProcessor,
  userToThrift,
  type UsersModule,
} from '../wire/index.js';
import { usersRoles } from './usersRoles.js';
import type { Users } from './users.js';

/** The Users service. Errors are RoostErrors, which the caller turns into RoostException. */
function usersHandler(users: Users, caller: Caller): UsersModule.Client {
  return {
    async put_users(written, options) {
      await users.put(await inTurns(required(written, 'users'), userFromThrift), writeOptions(options, caller));
    },
    async change_users(changes, options) {
      await users.change(
        await inTurns(required(changes, 'changes'), userChangeFromThrift),
        writeOptions(options, caller),
      );
    },
    async remove_users(ids, options) {
      await users.remove([...column(ids, 'ids')], writeOptions(options, caller));
    },
    async get_users(ids, options) {
      const found = await users.get([...column(ids, 'ids')], readOptions(options, caller));
      return {
        users: found.filter((user) => user !== undefined).map(userToThrift),
        found: Buffer.from(found.map((user) => Number(user !== undefined))),
      };
    },
  } as UsersModule.Client;
}

/** The Users service, for a ThriftServer's `processor`. */
export const usersProcessor = (users: Users, { info, ...options }: ServiceOptions): ThriftService =>
  thriftService({
    ...options,
    Processor: UsersProcessor,
    kinds: kindsOf(usersRoles),
    handler: (caller) => ({ ...usersHandler(users, caller), ...serverInfoMethod(info) }),
    toException: (_method, error) => errorToThrift(error),
  });
