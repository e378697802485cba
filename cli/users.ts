import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { RoostError } from '../core/index.js';
import type { Roost } from '../sdk/index.js';
import { openUsers, userFlags, type OpenUsers, type User } from '../users/index.js';
import type { CliIo } from './console/cliIo.js';
import { askingServers, type ClientOptions, withClient } from './console/client.js';
import { serverOption } from './console/serverOptions.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  defineGroup,
  idArgument,
  idListArgument,
  integerArgument,
  nameListArgument,
  openConfig,
  outputFor,
} from './console/command.js';

interface SetupOptions extends ConfigOptions {
  readonly shards: number;
  readonly replicas: number;
  readonly hosts?: readonly string[];
}

interface CreateOptions extends ClientOptions {
  readonly name?: string;
  readonly flags: number;
}

const longestWaitMs = 5_000;
const materialized = { acknowledgment: 'materialized' } as const;

export function addUsersCommands(program: Command, io: CliIo): void {
  const users = defineGroup(program, 'users', 'keep and look up users: id, name, screen name, flags');

  defineCommand(users, 'setup', "make the users' shards and their tables", 'roost users setup --shards 8 --replicas 2')
    .option('--shards <count>', 'shards', integerArgument(1, 10_000), 8)
    .option('--replicas <count>', 'copies of each shard, each on another host', integerArgument(1, 32), 2)
    .option('--hosts <name,...>', 'database hosts to spread the shards over (default: all)', nameListArgument)
    .addOption(configOption())
    .action(({ shards, replicas, hosts, ...options }: SetupOptions) =>
      withUsers(io, options, async (store) => {
        await store.setup({ shards, replicas, ...(hosts === undefined ? {} : { hosts }) });
        // Waits for running servers to see the shards, at their next reload of the name server, before the next
        // command can come.
        await sleep(Math.min(store.gizzard.config.nameServer.reloadSeconds * 1_000, longestWaitMs));
        outputFor(io, options).result(
          { shards, replicas },
          () => `users have ${shards} shards, ${replicas} ${replicas === 1 ? 'copy' : 'copies'} of each`,
        );
      }),
    );

  const ask = (name: string, description: string, example: string): Command =>
    askingServers(defineCommand(users, name, description, example).addOption(serverOption('users')));
  const flagBits = `a sum of ${Object.entries(userFlags)
    .map(([flag, bit]) => `${bit} (${flag})`)
    .join(', ')}`;
  const flagsArgument = integerArgument(0, 0xffffffff);

  ask(
    'create',
    'write a user, and wait until everybody reads it\nOne that exists is replaced.',
    "roost users create 12 jack --name 'Jack' --flags 2",
  )
    .argument('<id>', 'the user', idArgument)
    .argument('<screen-name>', '1 to 20 letters, digits and _')
    .option('--name <name>', '1 to 50 characters (default: the screen name)')
    .option('--flags <bits>', flagBits, flagsArgument, 0)
    .action(async (id: bigint, screenName: string, { name = screenName, flags, ...options }: CreateOptions) => {
      const user = { id, name, screenName, flags };
      await withClient(io, options, (roost) => roost.users.put(user, materialized));
      outputFor(io, options).result({ user }, () => `wrote user ${id} (@${screenName})`, [`roost users get ${id}`]);
    });

  ask('get', 'show users', 'roost users get 12 13')
    .argument('<id...>', 'the users', idListArgument)
    .action(async (ids: readonly bigint[], options: ClientOptions) => {
      const found = await withClient(io, options, (roost) => roost.users.getMany(ids));
      if (found.every((user) => user === undefined)) throw noUser(ids);
      const output = outputFor(io, options);
      output.result({ users: found.map((user) => user ?? null) }, () =>
        output.table(
          ['id', 'screen name', 'name', 'flags'],
          found.map((user, place) =>
            user === undefined
              ? [String(ids[place]), 'there is none', '', '']
              : [String(user.id), `@${user.screenName}`, user.name, flagText(user)],
          ),
        ),
      );
    });

  ask(
    'rename',
    "change a user's names, and wait until everybody reads them",
    "roost users rename 12 --name 'Jack D.'\nroost users rename 12 --screen-name jackd",
  )
    .argument('<id>', 'the user', idArgument)
    .option('--name <name>', '1 to 50 characters')
    .option('--screen-name <name>', '1 to 20 letters, digits and _')
    .action((id: bigint, options: ClientOptions & { readonly name?: string; readonly screenName?: string }) => {
      if (options.name === undefined && options.screenName === undefined)
        throw new RoostError('InvalidArgument', 'a rename needs --name or --screen-name');
      return changeOne(id, options, (roost) => roost.users.rename(id, options, materialized));
    });

  ask('flags', "replace a user's flags, and wait until everybody reads them", 'roost users flags 12 3')
    .argument('<id>', 'the user', idArgument)
    .argument('<bits>', flagBits, flagsArgument)
    .action((id: bigint, bits: number, options: ClientOptions) =>
      changeOne(id, options, (roost) => roost.users.setFlags(id, bits, materialized)),
    );

  ask('remove', 'remove users, and wait until nobody reads them', 'roost users remove 12')
    .argument('<id...>', 'the users', idListArgument)
    .action(async (ids: readonly bigint[], options: ClientOptions) => {
      await withClient(io, options, (roost) => roost.users.removeMany(ids, materialized));
      outputFor(io, options).result(
        { removed: ids },
        () => `removed ${ids.length === 1 ? `user ${ids[0]}` : `${ids.length} users`}`,
      );
    });

  /** Refuses an absent user: the change would be stored without effect. An id entered manually is then wrong. */
  async function changeOne(id: bigint, options: ClientOptions, change: (roost: Roost) => Promise<void>): Promise<void> {
    const user = await withClient(io, options, async (roost) => {
      if ((await roost.users.get(id)) === undefined) throw noUser([id]);
      await change(roost);
      return roost.users.get(id);
    });
    outputFor(io, options).result({ user: user ?? null }, () => `changed user ${id}`);
  }
}

const noUser = (ids: readonly bigint[]): RoostError => new RoostError('NotFound', `there is no user ${ids.join(', ')}`);

/** The users as a library, without a server: reads go to the caches and the databases, writes to the journal. */
async function withUsers<T>(io: CliIo, options: ConfigOptions, work: (users: OpenUsers) => Promise<T>): Promise<T> {
  const users = await openUsers(openConfig(io, options).config, { create: true });
  try {
    return await work(users);
  } finally {
    await users.close();
  }
}

function flagText({ flags }: User): string {
  const names = Object.entries(userFlags).filter(([, bit]) => (flags & bit) !== 0);
  return [
    ...names.map(([name]) => name),
    ...(names.reduce((left, [, bit]) => left & ~bit, flags) === 0 ? [] : [String(flags)]),
  ].join(' ');
}
