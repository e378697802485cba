import { limits } from '../../core/index.js';
import type { Tbird } from '../../tbird/index.js';
import type { ReadOptions, Tweet } from '../../wire/index.js';

/** Tweets by any number of ids; missing ones are left out. */
export async function tweetsById(
  tbird: Tbird,
  ids: Iterable<bigint>,
  options: ReadOptions & { readonly deleted?: boolean },
): Promise<Map<bigint, Tweet>> {
  const wanted = BigInt64Array.from(new Set(ids));
  const found = new Map<bigint, Tweet>();
  for (let from = 0; from < wanted.length; from += limits.idsPerCall)
    for (const tweet of await tbird.get(wanted.subarray(from, from + limits.idsPerCall), options))
      if (tweet !== undefined) found.set(tweet.id, tweet);
  return found;
}
