import { absent, type Change } from '../history.js';
import type { Load, LoadClient, LoadTweet } from '../load.js';
import type { Operation } from './operation.js';

export const tweetRegister = (id: bigint): string => `tweet ${id}`;

async function create(load: Load, client: LoadClient, draft: Omit<LoadTweet, 'text'>): Promise<void> {
  const [id] = (await client.roost.tweets.reserveIds(1, { deadlineMs: 3_000 })) as [bigint];
  load.madeIds.push(id);
  const tweet: LoadTweet = { ...draft, text: `tweet ${id}` };
  load.tweets.set(id, tweet);
  const { author, ...rest } = tweet;
  await load.write(client, [{ register: tweetRegister(id), value: tweet.text }], (options) =>
    client.roost.tweets.create({ id, userId: author, ...rest }, options),
  );
  if (load.random(2) === 0) await readTweet(load, client, id);
}

/** Tweets that are known to be there, or to have been. */
export const createdTweets = (load: Load): bigint[] =>
  [...load.tweets.keys()].filter((id) => load.history.of(tweetRegister(id))[0]?.outcome === 'ok');

async function deleteOrUndo(load: Load, client: LoadClient): Promise<void> {
  const created = createdTweets(load);
  if (created.length === 0) return;
  const id = load.one(created);
  const undo = load.random(2) === 0;
  const register = tweetRegister(id);
  const change: Change = undo
    ? { register, value: load.tweets.get(id)!.text, of: load.history.of(register)[0]! }
    : { register, value: absent };
  await load.write(client, [change], (options) => client.roost.tweets[undo ? 'undelete' : 'delete'](id, options));
  if (load.random(2) === 0) await readTweet(load, client, id);
}

const readTweet = (load: Load, client: LoadClient, id: bigint): Promise<void> =>
  load.read(client, async () => [
    { register: tweetRegister(id), value: (await client.roost.tweets.get(id))?.text ?? absent },
  ]);

/**
 * Reads an author's tweets. Entries of tweets that are deleted or brought back come and go a moment later, so they
 * are not checked.
 */
async function readList(load: Load, client: LoadClient): Promise<void> {
  const author = load.one(load.ids.authors());
  await load.read(client, async () => {
    const listed = await client.roost.tweets.timelineIds(author, { count: 800 });
    return [...load.tweets].flatMap(([id, tweet]) => {
      const register = tweetRegister(id);
      if (tweet.author !== author || load.history.of(register).length !== 1) return [];
      const there = listed.includes(id);
      return {
        register,
        value: there ? 'an entry' : 'no entry',
        matches: (value: string): boolean => (value !== absent) === there,
      };
    });
  });
}

export const tweets: Operation = {
  weight: 28,
  async step(load, client) {
    const drawn = load.random(28);
    if (drawn < 8) return create(load, client, { author: load.one(load.ids.authors()) });
    if (drawn < 15) return deleteOrUndo(load, client);
    if (drawn < 18) return readList(load, client);
    if (load.tweets.size > 0) await readTweet(load, client, load.one([...load.tweets.keys()]));
  },
};

/** Replies to authors' tweets and retweets of them, and tweets that name readers. */
export const comments: Operation = {
  weight: 8,
  async step(load, client) {
    const author = load.one(load.ids.commenters());
    const drawn = load.random(3);
    if (drawn === 0) return create(load, client, { author, mentions: [load.one(load.ids.readers())] });
    const originals = createdTweets(load).filter((id) => load.ids.authors().includes(load.tweets.get(id)!.author));
    if (originals.length === 0) return;
    const original = load.one(originals);
    await create(load, client, { author, [drawn === 1 ? 'replyToTweetId' : 'retweetOfId']: original });
  },
};
