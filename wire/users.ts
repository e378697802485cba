import type { User, UserChange } from './values/users.js';
import type { UsersTypes } from './generated.js';
import { jsonReady } from './jsonReady.js';
import { required, type Received } from './required.js';
import { textFrom, textToThrift } from './text.js';

/** Plain objects shaped like the generated structs, whose classes copy them. */
type UserFields = ConstructorParameters<typeof UsersTypes.User>[0] & object;
type ChangeFields = ConstructorParameters<typeof UsersTypes.UserChange>[0] & object;

/** Throws `InvalidArgument` for text that UTF-8 cannot express. */
export const userToThrift = ({ id, name, screenName, flags }: User): UserFields => ({
  id,
  name: textToThrift(name, 'name'),
  screen_name: textToThrift(screenName, 'screen_name'),
  flags: BigInt(flags),
});

export const userFromThrift = ({ id, name, screen_name: screenName, flags }: Received<UsersTypes.User>): User =>
  jsonReady({
    id: required(id, 'id'),
    name: textFrom(required(name, 'name'), 'name'),
    screenName: textFrom(required(screenName, 'screen_name'), 'screen_name'),
    flags: Number(required(flags, 'flags')),
  });

export const userChangeToThrift = ({ id, name, screenName, flags }: UserChange): ChangeFields => ({
  id,
  ...(name === undefined ? {} : { name: textToThrift(name, 'name') }),
  ...(screenName === undefined ? {} : { screen_name: textToThrift(screenName, 'screen_name') }),
  ...(flags === undefined ? {} : { flags: BigInt(flags) }),
});

export const userChangeFromThrift = ({
  id,
  name,
  screen_name: screenName,
  flags,
}: Received<UsersTypes.UserChange>): UserChange => ({
  id: required(id, 'id'),
  ...(name == null ? {} : { name: textFrom(name, 'name') }),
  ...(screenName == null ? {} : { screenName: textFrom(screenName, 'screen_name') }),
  ...(flags == null ? {} : { flags: Number(flags) }),
});
