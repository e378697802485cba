import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { RoostError } from '../core/index.js';
import { openUsers, userFlags, type OpenUsers, type User } from '../users/index.js';
import type { CliIo } from './console/cliIo.js';
import { type ConfigOptions, configOption, defineCommand, defineGroup, idArgument, idListArgument, integerArgument, nameListArgument, openConfig, outputFor } from './console/command.js';

interface SetupOptions extends ConfigOptions {
  readonly shards: number;
  readonly replicas: number;
  readonly hosts?: readonly string[];
}

interface CreateOptions extends ConfigOptions {
  readonly name?: string;
  readonly flags: number;
}

const longestWaitMs = 5_000;

export function addUsersCommands(program: Command, io: CliIo): void {
  const users = defineGroup(program, 'users', 'keep and look up users: id, name, screen name, flags');

  defineCommand(users, 'setup', "make the users' shards and their tables", 'roost users setup --shards 8 --replicas 2')
    .option('--shards <count>', 'shards', integerArgument(1, 10_000), 8)
    .option('--replicas <count>', 'copies of each shard, each on another host', integerArgument(1, 32), 2)
    .option('--hosts <name,...>', 'database hosts to spread the shards over (default: all)', nameListArgument)
    .addOption(configOption())
    .action(({ shards, replicas, hosts, ...options }: SetupOptions) =>
      withUsers(io, options, true, async (store) => {
        await store.setup({ shards, replicas, ...(hosts === undefined ? {} : { hosts }) });
        // Servers that run see the shards at their next look at the name server; the next command should not come before that.
        await sleep(Math.min(store.gizzard.config.nameServer.reloadSeconds * 1_000, longestWaitMs));
        outputFor(io, options).result({ shards, replicas }, () => `users have ${shards} shards, ${replicas} ${replicas === 1 ? 'copy' : 'copies'} of each`);
      }),
    );

  defineCommand(users, 'create', 'write a user, and wait until everybody reads it\nOne that exists is replaced. Servers apply it: one must be running.', "roost users create 12 jack --name 'Jack' --flags 2")
    .argument('<id>', 'the user', idArgument)
    .argument('<screen-name>', '1 to 20 letters, digits and _')
    .option('--name <name>', '1 to 50 characters (default: the screen name)')
    .option('--flags <bits>', `a sum of ${Object.entries(userFlags).map(([flag, bit]) => `${bit} (${flag})`).join(', ')}`, integerArgument(0, 0xffffffff), 0)
    .addOption(configOption())
    .action((id: bigint, screenName: string, { name = screenName, flags, ...options }: CreateOptions) =>
      withUsers(io, options, false, async (store) => {
        const user = { id, name, screenName, flags };
        await store.put([user], { acknowledgement: 'materialized' });
        outputFor(io, options).result({ user }, () => `wrote user ${id} (@${screenName})`, [`roost users get ${id}`]);
      }),
    );

  defineCommand(users, 'get', 'show users', 'roost users get 12 13')
    .argument('<id...>', 'the users', idListArgument)
    .addOption(configOption())
    .action((ids: readonly bigint[], options: ConfigOptions) =>
      withUsers(io, options, false, async (store) => {
        const found = await store.get(ids);
        if (found.every((user) => user === undefined)) throw new RoostError('NotFound', `there is no user ${ids.join(', ')}`);
        const output = outputFor(io, options);
        output.result({ users: found.map((user) => user ?? null) }, () =>
          output.table(
            ['id', 'screen name', 'name', 'flags'],
            found.map((user, place) => (user === undefined ? [String(ids[place]), 'there is none', '', ''] : [String(user.id), `@${user.screenName}`, user.name, flagText(user)])),
          ),
        );
      }),
    );

  defineCommand(users, 'remove', 'remove users, and wait until nobody reads them', 'roost users remove 12')
    .argument('<id...>', 'the users', idListArgument)
    .addOption(configOption())
    .action((ids: readonly bigint[], options: ConfigOptions) =>
      withUsers(io, options, false, async (store) => {
        await store.remove(ids, { acknowledgement: 'materialized' });
        outputFor(io, options).result({ removed: ids }, () => `removed ${ids.length === 1 ? `user ${ids[0]}` : `${ids.length} users`}`);
      }),
    );
}

/** The users as a library: reads go to the caches and the databases, writes into the journal. */
export async function withUsers<T>(io: CliIo, options: ConfigOptions, create: boolean, work: (users: OpenUsers) => Promise<T>): Promise<T> {
  const users = await openUsers(openConfig(io, options).config, { create });
  try {
    return await work(users);
  } finally {
    await users.close();
  }
}

function flagText({ flags }: User): string {
  const names = Object.entries(userFlags).filter(([, bit]) => (flags & bit) !== 0);
  return [...names.map(([name]) => name), ...(names.reduce((left, [, bit]) => left & ~bit, flags) === 0 ? [] : [String(flags)])].join(' ');
}
