import type { Command } from 'commander';
import { limits, RoostError } from '../core/index.js';
import type { Tweet } from '../sdk/index.js';
import { groupCommands } from './commandGroups.js';
import type { CliIo } from './console/cliIo.js';
import { askingServers, type ClientOptions, withClient } from './console/client.js';
import { serverOption } from './console/serverOptions.js';
import {
  defineCommand,
  defineGroup,
  idArgument,
  idListArgument,
  integerArgument,
  outputFor,
} from './console/command.js';
import type { Output } from './console/output.js';
import { addCheckCommand } from './tweets/checkCommand.js';
import { addImportCommand } from './tweets/importCommand.js';
import { addSetupCommand } from './tweets/setupCommand.js';
import { addWindowCommands } from './tweets/windowCommands.js';
import { timeText } from './tweets/withTbird.js';

interface CreateOptions extends ClientOptions {
  readonly id?: bigint;
  readonly replyTo?: bigint;
  readonly retweetOf?: bigint;
  readonly mention?: readonly bigint[];
}

export function addTweetCommands(program: Command, io: CliIo): void {
  const tweets = defineGroup(program, 'tweets', 'set up, store and read tweets');
  const ask = (name: string, description: string, example: string): Command =>
    askingServers(defineCommand(tweets, name, description, example).addOption(serverOption('tweets')));
  addSetupCommand(tweets, io);
  addCheckCommand(tweets, io);

  ask('create', 'store a tweet', 'roost tweets create 42 "just setting up my twttr"')
    .argument('<user>', 'its author', idArgument)
    .argument('<text>', `1 to ${limits.tweetCharacters} characters`)
    .option('--id <id>', 'its id (default: the server makes one)', idArgument)
    .option('--reply-to <id>', 'the tweet that it replies to', idArgument)
    .option('--retweet-of <id>', 'the tweet that it repeats', idArgument)
    .option('--mention <id>', 'a user whom the text names; may be repeated', idListArgument)
    .action(async (user: bigint, text: string, options: CreateOptions) => {
      const { id, replyTo, retweetOf, mention } = options;
      const draft = {
        userId: user,
        text,
        ...(id === undefined ? {} : { id }),
        ...(replyTo === undefined ? {} : { replyToTweetId: replyTo }),
        ...(retweetOf === undefined ? {} : { retweetOfId: retweetOf }),
        ...(mention === undefined ? {} : { mentions: mention }),
      };
      const made = await withClient(io, options, (roost) =>
        roost.tweets.create(draft, { acknowledgment: 'materialized' }),
      );
      outputFor(io, options).result({ id: made }, () => String(made));
    });

  ask('get', 'tweets by their ids', 'roost tweets get 1234567890123456789')
    .argument('<ids...>', 'one or more', idListArgument)
    .option('--deleted', 'deleted ones too')
    .action(async (ids: readonly bigint[], options: ClientOptions & { readonly deleted?: true }) => {
      const found = await withClient(io, options, (roost) =>
        roost.tweets.getMany(ids, { deleted: options.deleted === true }),
      );
      if (found.every((tweet) => tweet === undefined))
        throw new RoostError('NotFound', `there is no tweet ${ids.join(', ')}`);
      const output = outputFor(io, options);
      output.result({ tweets: found.map((tweet) => tweet ?? null) }, () =>
        tweetTable(
          output,
          found.filter((tweet) => tweet !== undefined),
        ),
      );
    });

  ask(
    'counts',
    'how often tweets were marked as favorites, retweeted and replied to',
    'roost tweets counts 1234567890123456789',
  )
    .argument('<ids...>', 'one or more', idListArgument)
    .action(async (ids: readonly bigint[], options: ClientOptions) => {
      const found = await withClient(io, options, (roost) => roost.tweets.counts(ids));
      const counts = found.map((of, i) => ({ id: ids[i]!, ...of }));
      const output = outputFor(io, options);
      output.result({ counts }, () =>
        output.table(
          ['id', 'favorites', 'retweets', 'replies'],
          counts.map(({ id, favorites, retweets, replies }) => [String(id), favorites, retweets, replies]),
        ),
      );
    });

  for (const [name, done] of [
    ['delete', 'deleted'],
    ['undelete', 'back'],
  ] as const) {
    ask(
      name,
      name === 'delete' ? 'delete a tweet' : 'bring a deleted tweet back',
      `roost tweets ${name} 1234567890123456789`,
    )
      .argument('<id>', 'the tweet', idArgument)
      .action(async (id: bigint, options: ClientOptions) => {
        await withClient(io, options, (roost) => roost.tweets[name](id, { acknowledgment: 'materialized' }));
        outputFor(io, options).result({ id, [name]: true }, () => `${id} is ${done}`);
      });
  }

  ask('timeline', "a user's tweets, newest first", 'roost tweets timeline 42 --count 10')
    .argument('<user>', 'whose', idArgument)
    .option('--count <count>', 'how many', integerArgument(1, 1_000), 20)
    .option('--before <id>', 'only those with smaller ids', idArgument)
    .option('--after <id>', 'only those with greater ids', idArgument)
    .option('--no-replies', 'without replies')
    .option('--no-retweets', 'without retweets')
    .option('--explain', 'answer without the index, from the windows, and say how many were read')
    .action(
      async (
        user: bigint,
        options: ClientOptions & {
          readonly count: number;
          readonly before?: bigint;
          readonly after?: bigint;
          readonly replies: boolean;
          readonly retweets: boolean;
          readonly explain?: true;
        },
      ) => {
        const output = outputFor(io, options);
        await withClient(io, options, async (roost) => {
          if (options.explain === true) {
            const scanned = await roost.tweets.scan(user, options);
            output.result(
              scanned,
              () =>
                `${tweetTable(output, scanned.tweets)}\n${output.dim(`read ${scanned.windowsRead} of ${scanned.windows} windows, ${scanned.tablesRead} tables`)}`,
            );
            return;
          }
          const found = await roost.tweets.timeline(user, options);
          output.result({ tweets: found }, () => tweetTable(output, found));
        });
      },
    );

  addWindowCommands(tweets, io);
  addImportCommand(ask, io);
  groupCommands(tweets, {
    'Tweets:': ['create', 'get', 'counts', 'timeline', 'delete', 'undelete', 'import'],
    'Look after them:': ['setup', 'check', 'windows', 'roll', 'undrop', 'release'],
  });
}

const tweetTable = (output: Output, tweets: readonly Tweet[]): string =>
  tweets.length === 0
    ? 'none'
    : output.table(
        ['id', 'user', 'created', 'text'],
        tweets.map(({ id, userId, createdAtMs, text, deletedAt }) => [
          String(id),
          String(userId),
          timeText(createdAtMs),
          `${deletedAt === undefined ? '' : '(deleted) '}${text.replaceAll(/\s+/g, ' ')}`,
        ]),
      );
