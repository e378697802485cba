import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { inOrder, limits, RoostError } from '../../core/index.js';
import type { NewTweet } from '../../sdk/index.js';
import type { Pace } from '../console/pace.js';
import type { ReadTweetsOptions, TweetFile } from './tweetFile.js';

export interface ImportOptions extends ReadTweetsOptions {
  /** Stores tweets; resolves once they are acknowledged. */
  readonly create: (tweets: readonly NewTweet[]) => Promise<unknown>;
  readonly inFlight: number;
  readonly onAcknowledged: (count: number) => void;
  /** Holds calls back until they may be sent. */
  readonly pace: Pick<Pace, 'admit'>;
  /** Good rows that were acknowledged before. */
  readonly skip: number;
  /** Called with the number of rows, counted from the start of the file, that are all acknowledged. */
  readonly onPrefix: (rows: number) => void;
}

const tweetsPerCall = Math.min(500, limits.tweetsPerCall);

/**
 * Stores the tweets of a file, with several calls in flight. The first error stops the import; waits for the calls in
 * flight.
 */
export async function importTweets(file: TweetFile, options: ImportOptions): Promise<void> {
  async function* calls(): AsyncGenerator<{ readonly tweets: readonly NewTweet[]; readonly through: number }> {
    let tweets: NewTweet[] = [];
    let through = 0;
    for await (const entry of file.rows(options)) {
      if ('bad' in entry || through++ < options.skip) continue;
      if (tweets.push(entry.tweet.tweet) < tweetsPerCall) continue;
      await options.pace.admit(tweets.length);
      yield { tweets, through };
      tweets = [];
    }
    if (tweets.length === 0) return;
    await options.pace.admit(tweets.length);
    yield { tweets, through };
  }
  await inOrder(
    calls(),
    options.inFlight,
    async ({ tweets, through }) => {
      await options.create(tweets);
      options.onAcknowledged(tweets.length);
      return through;
    },
    (through) => options.onPrefix(through),
  );
}

/** The progress of an import, in a file of its own, so that a stopped import can continue. */
export class ImportProgress {
  private constructor(
    private readonly path: string | undefined,
    private readonly mark: string,
    readonly rows: number,
  ) {}

  /** Throws `FailedPrecondition` if the record belongs to another file. */
  static open(path: string | undefined, file: TweetFile): ImportProgress {
    if (path === undefined || !existsSync(path)) return new ImportProgress(path, file.mark, 0);
    const [mark, rows] = readFileSync(path, 'utf8').split('\n');
    if (mark === file.mark && /^\d+$/.test(rows ?? '')) return new ImportProgress(path, file.mark, Number(rows));
    throw new RoostError(
      'FailedPrecondition',
      `${path} is the record of another file, or ${file.path} has changed since: remove it to import from the beginning`,
      { fields: { file: path } },
    );
  }

  save(rows: number): void {
    if (this.path === undefined) return;
    // Renamed into place, so that a crash leaves the old record or the new one.
    writeFileSync(`${this.path}.new`, `${this.mark}\n${rows}\n`);
    renameSync(`${this.path}.new`, this.path);
  }

  remove(): void {
    if (this.path !== undefined) rmSync(this.path, { force: true });
  }
}
