import { absent } from '../history.js';
import type { Load, LoadClient } from '../load.js';
import type { Operation } from './operation.js';

export const userRegister = (id: bigint): string => `user ${id}`;
export const flagsRegister = (id: bigint): string => `flags ${id}`;

/** The registers of a user, as a read shows them. */
export const userValues = (id: bigint, user: { readonly name: string; readonly flags: number } | undefined) => [
  { register: userRegister(id), value: user?.name ?? absent },
  { register: flagsRegister(id), value: user === undefined ? absent : String(user.flags) },
];

/**
 * Every second user is removed and written again; the others have parts changed. A changed part of a removed user
 * shows nothing.
 */
const isRemoved = (load: Load, id: bigint): boolean => load.ids.users().indexOf(id) % 2 === 1;

/** Whether the user is known to be there, so that a change of a part shows. */
const isThere = (load: Load, id: bigint): boolean =>
  load.history
    .of(userRegister(id))
    .some(({ outcome, acknowledgment }) => outcome === 'ok' && acknowledgment === 'materialized');

async function change(load: Load, client: LoadClient, id: bigint): Promise<void> {
  const { users } = client.roost;
  const number = load.nextNumber();
  const name = { register: userRegister(id), value: `name ${number}` };
  const flags = { register: flagsRegister(id), value: String(number) };
  const drawn = load.random(4);
  if (drawn === 0 && isRemoved(load, id)) {
    const gone = [name, flags].map((one) => ({ ...one, value: absent }));
    return load.write(client, gone, (options) => users.remove(id, options));
  }
  if (drawn < 2 && !isRemoved(load, id) && isThere(load, id))
    return drawn === 0
      ? load.write(client, [name], (options) => users.rename(id, { name: name.value }, options))
      : load.write(client, [flags], (options) => users.setFlags(id, number, options));
  return load.write(client, [name, flags], (options) =>
    users.put({ id, name: name.value, screenName: 'one', flags: number }, options),
  );
}

const read = (load: Load, client: LoadClient, id: bigint): Promise<void> =>
  load.read(client, async () => userValues(id, await client.roost.users.get(id)));

export const users: Operation = {
  weight: 20,
  async step(load, client) {
    const id = load.one(load.ids.users());
    if (load.random(2) === 0) {
      await change(load, client, id);
      if (load.random(2) === 0) return;
    }
    await read(load, client, id);
  },
};
