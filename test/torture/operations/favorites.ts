import { absent } from '../history.js';
import type { Load, LoadClient } from '../load.js';
import type { Operation } from './operation.js';
import { createdTweets } from './tweets.js';

export const favoriteRegister = (fan: bigint, tweet: bigint): string => `favorite ${fan} ${tweet}`;

/** Returns only whether the mark of a tweet is there; the position of a mark is its time. */
export const favoriteValue = (edge: { readonly state: string } | undefined): string =>
  edge === undefined || edge.state === 'removed' ? absent : edge.state;

async function mark(load: Load, client: LoadClient, fan: bigint, tweet: bigint): Promise<void> {
  const verb = load.one(['add', 'add', 'remove'] as const);
  const value = verb === 'add' ? 'normal' : absent;
  await load.write(client, [{ register: favoriteRegister(fan, tweet), value }], async (options) =>
    (await client.roost.graph('tweet_favorites'))[verb](fan, tweet, options),
  );
}

export const favorites: Operation = {
  weight: 12,
  async step(load, client) {
    const tweets = createdTweets(load).slice(0, 6);
    if (tweets.length === 0) return;
    const [fan, tweet] = [load.one(load.ids.fans()), load.one(tweets)];
    if (load.random(2) === 0) return mark(load, client, fan, tweet);
    await load.read(client, async () => [
      {
        register: favoriteRegister(fan, tweet),
        value: favoriteValue(await (await client.roost.graph('tweet_favorites')).get(fan, tweet)),
      },
    ]);
  },
};
