import { resolve } from 'node:path';
import type { Command } from 'commander';
import { limits, type Priority } from '../../core/index.js';
import type { CliIo } from '../console/cliIo.js';
import { type ClientOptions, withClient } from '../console/client.js';
import { idArgument, integerArgument, outputFor } from '../console/command.js';
import { formatCount, formatMs } from '../console/output.js';
import { Pace } from '../console/pace.js';
import { Progress } from '../console/progress.js';
import { priorityOption } from '../edges/priorityOption.js';
import { waitWithProgress } from '../edges/waitWithProgress.js';
import { ImportProgress, importTweets } from './importTweets.js';
import { TweetFile } from './tweetFile.js';

const writeDeadlineMs = 60_000;
/** Rows shown at most of those whose time differs from that of their id. */
const shownRows = 20;

interface ImportCommandOptions extends ClientOptions {
  readonly user?: bigint;
  readonly skipBad?: true;
  readonly wait?: true;
  readonly resume?: string;
  readonly inFlight: number;
  readonly priority: Priority;
  readonly rate?: number;
}

/** Imports tweets from files. */
export function addImportCommand(
  ask: (name: string, description: string, example: string) => Command,
  io: CliIo,
): void {
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
