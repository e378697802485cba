import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { limits } from '../core/index.js';
import { openTimelines, type TimelineService } from '../timeline/index.js';
import type { CliIo } from './console/cliIo.js';
import { askingServers, type ClientOptions, timelineServerOption, withClient } from './console/client.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  defineGroup,
  idArgument,
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

interface HomeOptions extends ClientOptions {
  readonly count: number;
  readonly before?: bigint;
  readonly since?: bigint;
}

const longestWaitMs = 5_000;

export function addTimelineCommands(program: Command, io: CliIo): void {
  const timeline = defineGroup(program, 'timeline', 'set up, read and rebuild home timelines');

  defineCommand(
    timeline,
    'setup',
    "make the timelines' shards on the Redis servers of `timeline.hosts`",
    'roost timeline setup --shards 16 --replicas 2',
  )
    .option('--shards <count>', 'shards', integerArgument(1, 10_000), 16)
    .option('--replicas <count>', 'copies of each shard, each on another Redis server', integerArgument(1, 32), 2)
    .option('--hosts <name,...>', 'Redis servers to spread the shards over (default: all)', nameListArgument)
    .addOption(configOption())
    .action(({ shards, replicas, hosts, ...options }: SetupOptions) =>
      withTimelines(io, options, async (service) => {
        await service.setup({ shards, replicas, ...(hosts === undefined ? {} : { hosts }) });
        // Servers that run see the shards at their next look at the name server; the next command should not come before that.
        await sleep(Math.min(service.gizzard.config.nameServer.reloadSeconds * 1_000, longestWaitMs));
        outputFor(io, options).result(
          { shards, replicas },
          () => `timelines have ${shards} shards, ${replicas} ${replicas === 1 ? 'copy' : 'copies'} of each`,
        );
      }),
    );

  askingServers(
    defineCommand(
      timeline,
      'home',
      'what those whom a user follows have tweeted, newest first',
      'roost timeline home 42 --count 10',
    )
      .argument('<user>', 'whose', idArgument)
      .option('--count <count>', 'how many', integerArgument(1, limits.pageSize), 20)
      .option('--before <id>', 'only those with smaller ids', idArgument)
      .option('--since <id>', 'only those with greater ids', idArgument)
      .addOption(timelineServerOption()),
  ).action(async (user: bigint, options: HomeOptions) => {
    const { count, before, since } = options;
    const bounds = { count, ...(before === undefined ? {} : { before }), ...(since === undefined ? {} : { since }) };
    const page = await withClient(io, options, (roost) => roost.timelines.homeFragments('short', user, bounds));
    const tweets = page.tweets.map(
      (tweet) =>
        JSON.parse(tweet.toString()) as { readonly id: string; readonly user_id: string; readonly text: string },
    );
    const { ids: _ids, ...rest } = page;
    const output = outputFor(io, options);
    output.result(
      { ...rest, tweets },
      () =>
        output.table(
          ['id', 'user', 'text'],
          tweets.map(({ id, user_id: author, text }) => [id, author, text]),
        ) + (page.partial ? `\n${output.dim('it is being rebuilt: some may be missing')}` : ''),
      page.nextBeforeId === undefined ? [] : [`roost timeline home ${user} --before ${page.nextBeforeId}`],
    );
  });

  defineCommand(
    timeline,
    'rebuild',
    "forget what is kept of a user's home timeline, and have it filled anew\nA server does the work. Who reads it meanwhile waits, or gets what there is.",
    'roost timeline rebuild 42',
  )
    .argument('<user>', 'whose', idArgument)
    .addOption(configOption())
    .action(async (user: bigint, options: ConfigOptions) => {
      await withTimelines(io, options, (service) => service.rebuild('home', user));
      outputFor(io, options).result({ user }, () => `the home timeline of user ${user} is being rebuilt`, [
        `roost timeline home ${user}`,
      ]);
    });
}

/** The timelines as a library, past every server: reads go to Redis, writes into the journal. */
async function withTimelines<T>(
  io: CliIo,
  options: ConfigOptions,
  work: (service: TimelineService) => Promise<T>,
): Promise<T> {
  const service = await openTimelines(openConfig(io, options).config, { create: true });
  try {
    return await work(service);
  } finally {
    await service.close();
  }
}
