import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { limits, RoostError } from '../../core/index.js';
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
  const underWay = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  /** Calls that are not yet counted in `prefix`, in the order of the file. */
  const waiting: { rows: number; done: boolean }[] = [];
  let prefix = options.skip;

  const send = (tweets: readonly NewTweet[]): void => {
    const call = { rows: tweets.length, done: false };
    waiting.push(call);
    const sending: Promise<void> = options
      .create(tweets)
      .then(() => {
        call.done = true;
        options.onAcknowledged(tweets.length);
        while (waiting[0]?.done === true) prefix += waiting.shift()!.rows;
        options.onPrefix(prefix);
      })
      .catch((error: unknown) => void (failure ??= { error }))
      .finally(() => underWay.delete(sending));
    underWay.add(sending);
  };

  let batch: NewTweet[] = [];
  let row = 0;
  try {
    for await (const entry of file.rows(options)) {
      if ('bad' in entry || row++ < options.skip) continue;
      batch.push(entry.tweet.tweet);
      if (batch.length < tweetsPerCall) continue;
      await options.pace.admit(batch.length);
      send(batch);
      batch = [];
      while (underWay.size >= options.inFlight) await Promise.race(underWay);
      if (failure !== undefined) throw failure.error;
    }
    if (batch.length > 0) {
      await options.pace.admit(batch.length);
      send(batch);
    }
  } finally {
    await Promise.all(underWay);
  }
  if (failure !== undefined) throw failure.error;
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
