import { expect, it } from 'vitest';
import type { TweetContent } from '../tweet.js';
import { decodeTweets, encodeTweets } from './tweetPayload.js';

const places = { tableId: 1, windowMs: 1_000, graphs: { byUser: 1, replies: 2, retweets: 3 } };
const content = (id: bigint, text: string): TweetContent => ({
  id,
  userId: 7n,
  text,
  createdAtMs: 5,
  replyToTweetId: undefined,
  replyToUserId: undefined,
  retweetOfId: undefined,
  flags: 0,
  extra: undefined,
});

it('leaves open every time that the journal gives, wherever texts of several bytes and digits put it', () => {
  const contents = [content(1n, '🐦 "0000000000000000"'), content(2n, 'é')];
  const { payload, times } = encodeTweets(
    places,
    contents.map((one) => ({ content: one })),
    [
      { id: 3n, state: 1, time: undefined, notBefore: 9n },
      { id: 4n, state: 0, time: 8n, notBefore: 9n },
    ],
  );
  expect(times).toMatchObject({ count: 1, digits: true });
  for (const offset of times!.offsets) {
    expect(payload.toString('latin1', offset, offset + 16)).toBe('0'.repeat(16));
    payload.write('1700000000000000', offset);
  }
  expect(decodeTweets(payload)).toMatchObject({
    places,
    records: [
      ...contents.map((one) => ({ written: { content: one, writtenAt: 1_700_000_000_000_000n } })),
      { id: 3n, state: 1, stateAt: 1_700_000_000_000_000n },
      { id: 4n, state: 0, stateAt: 8n },
    ],
  });
});

it('lets a state count from the time of its tweet on, where the journal is behind it', () => {
  const { payload, times } = encodeTweets(
    places,
    [],
    [{ id: 3n, state: 1, time: undefined, notBefore: 1_800_000_000_000_000n }],
  );
  payload.write('1700000000000000', times!.offsets[0]!);
  expect(decodeTweets(payload).records[0]!.stateAt).toBe(1_800_000_000_000_000n);
});
