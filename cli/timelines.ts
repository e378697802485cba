import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { kindNames, openTimelines, type KindName, type TimelineService, timelineStats } from '../timeline/index.js';
import { groupCommands } from './commandGroups.js';
import type { CliIo } from './console/cliIo.js';
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
import { countsOver } from './console/countsOver.js';
import { addCheckOptions, type CheckCommandOptions, checkStores } from './check.js';
import { addPageCommands } from './timelines/pageCommands.js';
import { statsText } from './timelines/statsText.js';

interface SetupOptions extends ConfigOptions {
  readonly shards: number;
  readonly replicas?: number;
  readonly hosts?: readonly string[];
}

interface ExplainOptions extends ConfigOptions {
  readonly count: number;
}

const longestWaitMs = 5_000;
const defaultReplicas = 2;

export function addTimelineCommands(program: Command, io: CliIo): void {
  const timeline = defineGroup(program, 'timeline', 'set up, read, check and rebuild timelines');

  defineCommand(
    timeline,
    'setup',
    "make the timelines' shards on the Redis servers of `timeline.hosts`",
    'roost timeline setup --shards 16 --replicas 2',
  )
    .option('--shards <count>', 'shards', integerArgument(1, 10_000), 16)
    .option(
      '--replicas <count>',
      'copies of each shard, each on another Redis server (default: 2, or 1 where there is one server)',
      integerArgument(1, 32),
    )
    .option('--hosts <name,...>', 'Redis servers to spread the shards over (default: all)', nameListArgument)
    .addOption(configOption())
    .action(({ shards, hosts: given, ...options }: SetupOptions) =>
      withTimelines(io, options, async (service) => {
        const hosts = given ?? Object.keys(service.config.hosts);
        const replicas = options.replicas ?? Math.min(defaultReplicas, Math.max(1, hosts.length));
        await service.setup({ shards, replicas, hosts });
        // Waits for running servers to see the shards, at their next reload of the name server, before the next
        // command can come.
        await sleep(Math.min(service.gizzard.config.nameServer.reloadSeconds * 1_000, longestWaitMs));
        outputFor(io, options).result(
          { shards, replicas },
          () => `timelines have ${shards} shards, ${replicas} ${replicas === 1 ? 'copy' : 'copies'} of each`,
        );
      }),
    );

  addPageCommands(timeline, io);
  addCareCommands(timeline, io);

  defineCommand(
    timeline,
    'rebuild',
    "forget what is kept of a user's timeline, and have it filled anew\nA server does the work. Who reads it meanwhile waits, or gets what there is.",
    'roost timeline rebuild 42 --kind activity',
  )
    .argument('<user>', 'whose', idArgument)
    .addOption(new Option('--kind <kind>', 'which of their timelines').choices(kindNames).default('home'))
    .addOption(configOption())
    .action(async (user: bigint, options: ConfigOptions & { readonly kind: KindName }) => {
      const { kind } = options;
      await withTimelines(io, options, (service) => service.rebuild(kind, user));
      outputFor(io, options).result({ user, kind }, () => `the ${kind} timeline of user ${user} is being rebuilt`, [
        `roost timeline ${kind} ${user}`,
      ]);
    });

  defineCommand(
    timeline,
    'explain',
    "say whether tweets are pushed into home timelines or pulled by their readers, and why\n`user`: of those whom a user follows; `author`: to those who follow a user. Push: the tweet is put into the reader's list. Pull: each read asks the author's index. An author is pushed where reads over posts are at least the line, which the measured costs give.",
    'roost timeline explain user 42',
  )
    .argument('<kind>', '`user` or `author`', choiceOf)
    .argument('<id>', 'the id of the user', idArgument)
    .option('--count <count>', 'pairs of reader and author', integerArgument(1, 1_000), 20)
    .addOption(configOption())
    .action(async (kind: 'user' | 'author', id: bigint, { count, ...options }: ExplainOptions) => {
      const { terms, pairs } = await withTimelines(io, options, ({ explain }) =>
        kind === 'user' ? explain.ofReader(id, count) : explain.ofAuthor(id, count),
      );
      const output = outputFor(io, options);
      output.result({ ...(terms !== undefined && { terms }), pairs }, () => {
        const rows = pairs.map((pair) => [
          pair.readerId,
          pair.authorId,
          pair.decision,
          rounded(pair.readsPerDay),
          rounded(pair.postsPerDay),
          rounded(pair.ratio),
          rounded(pair.line),
          rounded(pair.pushSecondsPerDay * 1e6),
          rounded(pair.pullSecondsPerDay * 1e6),
        ]);
        return output.table(
          ['reader', 'author', 'tweets are', 'reads/day', 'posts/day', 'ratio', 'line', 'push µs/day', 'pull µs/day'],
          rows,
        );
      });
    });
  groupCommands(timeline, {
    'Read:': ['home', 'user', 'mentions', 'activity'],
    'Look after them:': ['setup', 'rebuild', 'explain', 'stats', 'check'],
  });
}

/** Commands for the care of all timelines. */
function addCareCommands(timeline: Command, io: CliIo): void {
  addCheckOptions(
    defineCommand(
      timeline,
      'check',
      'compare timelines in Redis with the merge that they should be, while writes go on\nReads every replica of every timeline, and makes each anew from tweets and graphs. Replicas are compared with one another too. With --repair, servers rebuild timelines with entries that are missing or wrong. It fails where faults are left. `roost check` runs it with the checks of the other stores.',
      'roost timeline check --repair',
    ),
  ).action((options: CheckCommandOptions) => checkStores(io, ['timeline'], options));

  defineCommand(
    timeline,
    'stats',
    'show what is kept, read and delivered\nLists, entries and bytes are of Redis; entries and bytes are estimates from a sample. The rest is what all running servers have counted since each was started, and rates over some seconds.',
    'roost timeline stats --seconds 5',
  )
    .option('--seconds <count>', 'how long to count for the rates', integerArgument(1, 600), 1)
    .addOption(configOption())
    .action(async ({ seconds, ...options }: ConfigOptions & { readonly seconds: number }) => {
      const stats = await withTimelines(io, options, async (service) =>
        timelineStats(service, await countsOver(service.gizzard, seconds)),
      );
      const output = outputFor(io, options);
      output.result(stats, () => statsText(stats, output));
    });
}

const choiceOf = (kind: string): 'user' | 'author' => {
  if (kind === 'user' || kind === 'author') return kind;
  throw new InvalidArgumentError('it is `user` or `author`.');
};

const rounded = (value: number | undefined): string =>
  value === undefined ? '' : String(Number(value.toPrecision(3)));

/** The timelines as a library, without a server: reads go to Redis, writes to the journal. */
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
