import { limits, packIds, parseId, type IdInput } from '../core/index.js';
import {
  userChangeToThrift,
  userFromThrift,
  UsersClient as UsersThriftClient,
  userToThrift,
  type User,
  type UsersModule,
} from '../wire/index.js';
import type { CallOptions, Channel } from './channel.js';
import { askWho, type StoreClient } from './clusterService.js';
import { Gatherer } from './gatherer.js';
import { readById } from './readById.js';
import { write } from './write.js';
import type { WriteCallOptions } from './writeCallOptions.js';

/** A user to write. */
export interface NewUser {
  readonly id: IdInput;
  /** 1 to 50 characters. */
  readonly name: string;
  /** 1 to 20 letters, digits and _. */
  readonly screenName: string;
  /** 32 bits; the lowest mean `protected`, `verified`, `suspended`. Absent: 0. */
  readonly flags?: number;
}

/** The users of a cluster. */
export class UsersClient {
  readonly #byId: Gatherer<bigint, User | undefined>;

  constructor(private readonly channel: Channel<UsersModule.Client>) {
    this.#byId = new Gatherer((ids, options) => this.getMany(ids, options), limits.gatheredIds, channel.deadlineMs);
  }

  /** One user; undefined if there is none. Calls made in the same turn travel together. */
  async get(id: IdInput, options: CallOptions = {}): Promise<User | undefined> {
    return this.#byId.load(parseId(id), options);
  }

  /** Users in the order of the ids, undefined for each missing one. Any number of ids. */
  async getMany(ids: readonly IdInput[], options: CallOptions = {}): Promise<(User | undefined)[]> {
    return readById(
      ids.map((id) => parseId(id)),
      limits.idsPerCall,
      async (packed) => {
        const { users, found } = await this.channel.call((client, within) => client.get_users(packed, within), options);
        return { things: users.map(userFromThrift), found };
      },
    );
  }

  /** Writes a whole user: replaces an existing one, and brings back a removed one. Throws `InvalidArgument`. */
  async put(user: NewUser, options: WriteCallOptions = {}): Promise<void> {
    await this.putMany([user], options);
  }

  /** Writes up to `limits.operationsPerWrite` users: all or none. */
  async putMany(users: readonly NewUser[], options: WriteCallOptions = {}): Promise<void> {
    const written = users.map(({ id, flags = 0, ...names }) => userToThrift({ ...names, id: parseId(id), flags }));
    await write(this.channel, (client, onWire) => client.put_users(written, onWire), options);
  }

  /**
   * Changes one or both of a user's names; concurrent changes of other fields stay. A change to a user who does not
   * exist becomes visible once the user does.
   */
  async rename(
    id: IdInput,
    names: { readonly name?: string; readonly screenName?: string },
    options: WriteCallOptions = {},
  ): Promise<void> {
    const { name, screenName } = names;
    await this.#change(
      { id: parseId(id), ...(name === undefined ? {} : { name }), ...(screenName === undefined ? {} : { screenName }) },
      options,
    );
  }

  /** Replaces a user's flags and nothing else; otherwise like `rename`. */
  async setFlags(id: IdInput, flags: number, options: WriteCallOptions = {}): Promise<void> {
    await this.#change({ id: parseId(id), flags }, options);
  }

  async remove(id: IdInput, options: WriteCallOptions = {}): Promise<void> {
    await this.removeMany([id], options);
  }

  async removeMany(ids: readonly IdInput[], options: WriteCallOptions = {}): Promise<void> {
    const packed = packIds(ids.map((id) => parseId(id)));
    await write(this.channel, (client, onWire) => client.remove_users(packed, onWire), options);
  }

  async #change(change: Parameters<typeof userChangeToThrift>[0], options: WriteCallOptions): Promise<void> {
    const changes = [userChangeToThrift(change)];
    await write(this.channel, (client, onWire) => client.change_users(changes, onWire), options);
  }
}

/** The service of users. */
export const usersService = {
  store: 'users',
  title: 'users',
  servers: 'userServers',
  defaultPort: 7918,
  port: ({ users_port: port }) => port,
  Client: UsersThriftClient,
  requestBytes: limits.usersRequestBytes,
  probe: (client) => client.get_users(Buffer.alloc(0), {}),
  info: askWho,
  open: (channel) => new UsersClient(channel),
} as const satisfies StoreClient<UsersModule.Client, UsersClient>;
