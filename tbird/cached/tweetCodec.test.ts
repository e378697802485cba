import fc from 'fast-check';
import { expect, it } from 'vitest';
import { maxId } from '../../core/index.js';
import type { TweetRecord } from '../tweetRecord.js';
import { tweetCodec } from './tweetCodec.js';

const id = fc.bigInt(0n, maxId);
const optionalId = fc.option(id, { nil: undefined });
const micros = fc.bigInt(0n, 2n ** 52n);

it('decodes a cached tweet to the tweet that was encoded', () => {
  const record = fc.record({
    id,
    written: fc.option(
      fc.record({
        content: fc.record({
          userId: id,
          text: fc.string({ unit: 'grapheme', maxLength: 280 }),
          createdAtMs: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
          replyToTweetId: optionalId,
          replyToUserId: optionalId,
          retweetOfId: optionalId,
          flags: fc.nat({ max: 2 ** 32 - 1 }),
          extra: fc.option(fc.string({ unit: 'grapheme', maxLength: 100 }), { nil: undefined }),
        }),
        writtenAt: micros,
      }),
      { nil: undefined },
    ),
    state: fc.nat(1),
    stateAt: micros,
  });
  fc.assert(
    fc.property(record, (of) => {
      const tweet: TweetRecord = {
        ...of,
        losers: [],
        written: of.written && { ...of.written, content: { ...of.written.content, id: of.id } },
      };
      expect(tweetCodec.decode(tweetCodec.encode(tweet), Buffer.alloc(0))).toEqual(tweet);
    }),
  );
});
