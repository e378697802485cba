import { limits, RoostError } from '../core/index.js';
import type { TweetContent } from './tweet.js';
import { sameContent } from './tweetRecord.js';
import { contentText } from './tweetRules.js';

export function checkId(id: bigint): void {
  if (id < 0n) throw invalid(`ids are from 0 to 2^63 − 1, not ${id}`);
}

export function checkIds(ids: BigInt64Array): void {
  if (ids.length > limits.idsPerCall) throw invalid(`at most ${limits.idsPerCall} ids in one call, not ${ids.length}`);
  for (const id of ids) checkId(id);
}

export function checkCount(count: number): void {
  if (count === 0) throw invalid('a write needs at least one tweet');
  if (count > limits.tweetsPerCall) throw invalid(`a write holds at most ${limits.tweetsPerCall} tweets, not ${count}`);
}

/** An id accepts only the same content again. Throws `AlreadyExists`. */
export function refuseOther(stored: TweetContent, given: TweetContent): void {
  if (sameContent(stored, given)) return;
  throw new RoostError(
    'AlreadyExists',
    `tweet ${given.id} is there with other content: ${contentText(stored)}, not ${contentText(given)}`,
    {
      fields: { id: given.id, stored: contentText(stored), given: contentText(given) },
    },
  );
}

const invalid = (message: string): RoostError => new RoostError('InvalidArgument', message);
