import { resolve } from 'node:path';
import type { Command } from 'commander';
import { limits, type Priority, RoostError } from '../core/index.js';
import type { Tweet } from '../sdk/index.js';
import { checkTweets, type PolicyInput, tweetsTableId } from '../tbird/index.js';
import { groupCommands } from './commandGroups.js';
import type { CliIo } from './console/cliIo.js';
import { askingServers, type ClientOptions, withClient } from './console/client.js';
import { serverOption } from './console/serverOptions.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  formerName,
  defineGroup,
  idArgument,
  idListArgument,
  integerArgument,
  nameListArgument,
  outputFor,
} from './console/command.js';
import { type ConfirmOptions, yesOption } from './console/confirm.js';
import { durationArgument } from './console/duration.js';
import { formatCount, formatMs, type Output } from './console/output.js';
import { Pace } from './console/pace.js';
import { Progress } from './console/progress.js';
import { priorityOption } from './edges/priorityOption.js';
import { waitWithProgress } from './edges/waitWithProgress.js';
import { ImportProgress, importTweets } from './tweets/importTweets.js';
import { TweetFile } from './tweets/tweetFile.js';
import { addWindowCommands, confirmDrops } from './tweets/windowCommands.js';
import { timeText, withTbird } from './tweets/withTbird.js';

interface SetupOptions extends ConfigOptions, ConfirmOptions {
  readonly window?: number;
  readonly ahead?: number;
  readonly retention?: number;
  readonly stripes?: number;
  readonly replicas?: number;
  readonly openHosts?: readonly string[];
  readonly closedHosts?: readonly string[];
  readonly catchUp?: boolean;
  readonly keepForever?: true;
}

interface CreateOptions extends ClientOptions {
  readonly id?: bigint;
  readonly replyTo?: bigint;
  readonly retweetOf?: bigint;
  readonly mention?: readonly bigint[];
}

const writeDeadlineMs = 60_000;
/** How many rows an import shows of those whose time differs from that of their id. */
const shownRows = 20;

export function addTweetCommands(program: Command, io: CliIo): void {
  const tweets = defineGroup(program, 'tweets', 'set up, store and read tweets');
  const ask = (name: string, description: string, example: string): Command =>
    askingServers(defineCommand(tweets, name, description, example).addOption(serverOption('tweets')));
  addSetup(tweets, io);

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
  addImport(ask, io);
  groupCommands(tweets, {
    'Tweets:': ['create', 'get', 'counts', 'timeline', 'delete', 'undelete', 'import'],
    'Look after them:': ['setup', 'check', 'windows', 'roll', 'undrop', 'release'],
  });
}

function addSetup(tweets: Command, io: CliIo): void {
  defineCommand(
    tweets,
    'setup',
    'set up tweets in this cluster, or change how their windows are made\nWhat is not given stays as it is. Windows that are there keep their shape; the length of a window never changes. Windows that a shorter retention drops are shown first, and dropped at once where you agree.',
    'roost tweets setup --window 1d --stripes 4 --replicas 2 --retention 365d',
  )
    .option('--window <duration>', 'how long a window is (first default: 1d)', durationArgument)
    .option(
      '--ahead <duration>',
      'how long before its beginning a window is made (first default: half a window, at most a day)',
      durationArgument,
    )
    .option(
      '--retention <duration>',
      'how long tweets are kept after the end of their window (first default: for ever)',
      durationArgument,
    )
    .option('--keep-forever', 'no retention any more')
    .option('--stripes <count>', 'tables of a window (first default: 4)', integerArgument(1, 256))
    .option(
      '--replicas <count>',
      'copies of each, on as many hosts (first default: 2, or as many as there are hosts)',
      integerArgument(1, 32),
    )
    .option('--open-hosts <name,...>', 'database hosts of windows that are open (first default: all)', nameListArgument)
    .option(
      '--closed-hosts <name,...>',
      'database hosts that windows move to when they are over (first default: the same)',
      nameListArgument,
    )
    .option('--catch-up', 'make a window of the past when a tweet for it comes (first default)')
    .option('--no-catch-up', 'refuse such tweets')
    .addOption(yesOption())
    .addOption(configOption())
    .action(async (options: SetupOptions) => {
      const given: Record<keyof PolicyInput, unknown> = {
        windowMs: options.window,
        aheadMs: options.ahead,
        retentionMs: options.keepForever === true ? null : options.retention,
        stripes: options.stripes,
        replicas: options.replicas,
        openHosts: options.openHosts,
        closedHosts: options.closedHosts,
        catchUp: options.catchUp,
      };
      const policy = Object.fromEntries(
        Object.entries(given).filter(([, value]) => value !== undefined),
      ) as PolicyInput;
      const set = await withTbird(io, options, async (tbird) => {
        const drops = policy.retentionMs == null ? [] : await tbird.windowSet.planDrops(policy);
        await confirmDrops(io, options, tbird, drops, 'set up tweets so');
        return tbird.setup({ policy, dropAll: drops.length > 0 });
      });
      outputFor(io, options).result(set, () =>
        [
          `windows of ${formatMs(set.windowMs)}, ${set.stripes} stripes, ${set.replicas} ${set.replicas === 1 ? 'copy' : 'copies'} of each, made ${formatMs(set.aheadMs)} ahead`,
          `open windows on ${set.openHosts.join(', ')}; closed ones on ${set.closedHosts.join(', ')}`,
          set.retentionMs === null ? 'kept for ever' : `kept for ${formatMs(set.retentionMs)} after their end`,
        ].join('\n'),
      );
    });

  const check = defineCommand(
    tweets,
    'check',
    "prove that tweets and their indexes agree, while they are written\nReads every tweet and every entry of the authors', replies' and retweets' indexes, and compares the copies of tweets. Tweets in a table to which their ids do not lead are named; `roost shard strays --fix` moves them home. Those of an index, and its counters, are for `roost flock check`.",
    'roost tweets check --repair',
  )
    .option('--repair', 'bring the indexes to what the tweets say')
    .addOption(configOption())
    .action(async (options: ConfigOptions & { readonly repair?: true }) => {
      const report = await withTbird(io, options, (tbird) =>
        checkTweets(tbird, { repair: options.repair === true, signal: io.signal }),
      );
      const { faults, copies, strays, uncertain, repaired } = report;
      const moveHome = `roost shard strays --table=${tweetsTableId} --fix`;
      const output = outputFor(io, options);
      output.result(
        { ...report, strays: strays.strays, strayCount: strays.count },
        () =>
          [
            `${formatCount(report.tweets)} tweets, ${formatCount(report.edges)} entries: ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}, ${repaired} repaired${uncertain > 0 ? `, ${uncertain} uncertain while jobs are failing` : ''}`,
            ...(faults.length === 0
              ? []
              : [
                  output.table(
                    ['tweet', 'graph', 'entry of', 'is', 'should be'],
                    faults
                      .slice(0, shownRows)
                      .map((fault) => [
                        String(fault.id),
                        fault.graphId,
                        String(fault.sourceId),
                        fault.found,
                        fault.expected,
                      ]),
                  ),
                ]),
            ...copies.map(
              ({ shards, differences }) =>
                `${shards.join(', ')} do not hold the same: ${differences.map(({ key }) => key).join(', ')}`,
            ),
            ...strays.strays
              .slice(0, shownRows)
              .map(({ shard, key, home }) => `tweet ${key} stands in ${shard}, and belongs to ${home ?? 'no table'}`),
            ...Array.from(
              strays.skipped,
              ([shard, why]) => `not looked through for tweets of other tables: ${shard}: ${why}`,
            ),
          ].join('\n'),
        [
          ...(strays.count === 0 ? [] : [moveHome]),
          ...copies.map(({ shards }) => `roost shard repair ${shards.join(' ')}`),
        ],
      );
      // First: a repair of the copies would copy them too.
      if (strays.count > 0)
        throw new RoostError(
          'DataLoss',
          `${strays.count} rows stand in tables to which their ids do not lead; \`${moveHome}\` moves them home`,
        );
      if (copies.length > 0)
        throw new RoostError(
          'DataLoss',
          `copies of ${copies.length} tables differ; \`roost shard repair ${copies[0]!.shards.join(' ')}\` merges them`,
        );
      if (faults.length > repaired)
        throw new RoostError(
          'DataLoss',
          `${faults.length - repaired} entries do not agree with the tweets; --repair puts them right`,
        );
    });
  formerName(check, 'audit', io);
}

interface ImportCommandOptions extends ClientOptions {
  readonly user?: bigint;
  readonly skipBad?: true;
  readonly wait?: true;
  readonly resume?: string;
  readonly inFlight: number;
  readonly priority: Priority;
  readonly rate?: number;
}

function addImport(ask: (name: string, description: string, example: string) => Command, io: CliIo): void {
  ask(
    'import',
    'store the tweets of a file\nCSV with a head line, or JSON lines (.ndjson, .jsonl); plain or gzip. Columns: id, text; optional: user_id, created_at, reply_to_tweet_id, reply_to_user_id, retweet_of_id. A tweet without an author is given to one of the users 1 to 1,000, by a hash of its id. Where created_at is not the time of the id, the id counts, and the row is reported. The whole file is checked before anything is written. Importing a file again stores nothing twice.',
    'roost tweets import tweets.csv.gz --wait',
  )
    .argument('<file>', 'the tweets')
    .option('--user <id>', 'author of all tweets that do not name theirs', idArgument)
    .option('--skip-bad', 'count rows that cannot be stored and go on, instead of refusing the file')
    .option('--resume <file>', 'remember there how far it came, and go on from there when run again')
    .option('--wait', 'wait until every write of this queue is applied, so that reads see every tweet')
    .option('--in-flight <count>', 'calls under way at once', integerArgument(1, 64), limits.bulkWriteInFlight)
    .addOption(priorityOption())
    .option(
      '--rate <count>',
      'tweets a second at most (default: as fast as the server takes them)',
      integerArgument(1, 100_000_000),
    )
    .action(async (path: string, options: ImportCommandOptions) => {
      const output = outputFor(io, options);
      const file = await TweetFile.open(resolve(io.workingFolder, path));
      const read = { user: options.user, skipBad: options.skipBad === true, signal: io.signal };
      const checked = await checkFile(file, read);
      const progressFile = ImportProgress.open(
        options.resume === undefined ? undefined : resolve(io.workingFolder, options.resume),
        file,
      );
      const startMs = performance.now();
      const waitMs = await withClient(io, options, async (roost) => {
        const badBefore = options.wait === true ? (await roost.journal()).bad : 0;
        const progress = new Progress(io, 'importing', checked.tweetCount, output.quiet);
        progress.advance(Math.min(progressFile.rows, checked.tweetCount));
        await importTweets(file, {
          ...read,
          create: (tweets) =>
            roost.tweets.createMany(tweets, { deadlineMs: writeDeadlineMs, priority: options.priority }),
          pace: new Pace(options.rate, io.signal),
          inFlight: options.inFlight,
          onAcknowledged: (count) => progress.advance(count),
          skip: progressFile.rows,
          onPrefix: (rows) => progressFile.save(rows),
        }).finally(() => progress.stop());
        progressFile.remove();
        return options.wait === true
          ? waitWithProgress(io, roost, output.quiet, { priority: options.priority, badBefore })
          : undefined;
      });
      const elapsedMs = performance.now() - startMs;
      const { tweetCount, badRowCount, firstBad, otherTimes } = checked;
      output.result({ tweetCount, resumedAt: progressFile.rows, badRowCount, otherTimes, elapsedMs, waitMs }, () =>
        [
          `stored ${formatCount(tweetCount - progressFile.rows)} tweets in ${formatMs(elapsedMs)}${progressFile.rows > 0 ? `, after ${formatCount(progressFile.rows)} stored before` : ''}`,
          ...(badRowCount === 0 ? [] : [`left out ${formatCount(badRowCount)} rows, the first at ${firstBad}`]),
          ...(otherTimes.length === 0
            ? []
            : [`${otherTimes.length} went in by their id, whose time is not that of the file:`]),
          ...otherTimes
            .slice(0, shownRows)
            .map(({ line, id, given, ofId }) => `  line ${line}: ${id} is of ${ofId}, not ${given}`),
        ].join('\n'),
      );
    });
}

interface CheckedFile {
  readonly tweetCount: number;
  readonly badRowCount: number;
  readonly firstBad: string | undefined;
  readonly otherTimes: readonly {
    readonly line: number;
    readonly id: string;
    readonly given: string;
    readonly ofId: string;
  }[];
}

/** Reads the whole file, so that a bad file is refused before anything is written. */
async function checkFile(file: TweetFile, options: Parameters<TweetFile['rows']>[0]): Promise<CheckedFile> {
  let tweetCount = 0;
  let badRowCount = 0;
  let firstBad: string | undefined;
  const otherTimes: CheckedFile['otherTimes'][number][] = [];
  for await (const row of file.rows(options)) {
    if ('bad' in row) {
      badRowCount++;
      firstBad ??= `line ${row.line}: ${row.bad.message}`;
      continue;
    }
    tweetCount++;
    const { tweet, otherTime } = row.tweet;
    if (otherTime !== undefined)
      otherTimes.push({
        line: row.line,
        id: String(tweet.id),
        given: otherTime.given.toISOString(),
        ofId: otherTime.ofId.toISOString(),
      });
  }
  return { tweetCount, badRowCount, firstBad, otherTimes };
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
