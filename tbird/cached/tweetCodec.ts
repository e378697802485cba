import type { Codec } from '../../cache/index.js';
import type { TweetRecord } from '../tweetRecord.js';

/**
 * A tweet's row in the cache, little-endian:
 * u8 present optional parts · u8 state · i64 id · i64 state at
 * and with content
 * i64 user · i64 written at · f64 created at in milliseconds · u32 flags · [i64 reply to tweet] · [i64 reply to user]
 * · [i64 retweet of] · u16 bytes of the text · text · extra
 * Contents that lost a race for the id are left out: only the indexes need them, and these follow from the rows in
 * the databases.
 */
const parts = { content: 1, replyToTweet: 2, replyToUser: 4, retweetOf: 8, extra: 16 } as const;
const headBytes = 18;
const contentBytes = 8 + 8 + 8 + 4 + 2;

export const tweetCodec: Codec<TweetRecord> = {
  format: 1,
  encode({ id, written, state, stateAt }) {
    const content = written?.content;
    const optional = [content?.replyToTweetId, content?.replyToUserId, content?.retweetOfId];
    const textBytes = content === undefined ? 0 : Buffer.byteLength(content.text);
    const extra = content?.extra ?? '';
    const size =
      content === undefined
        ? headBytes
        : headBytes +
          contentBytes +
          optional.filter((value) => value !== undefined).length * 8 +
          textBytes +
          Buffer.byteLength(extra);
    const body = Buffer.allocUnsafe(size);
    const [replyToTweet, replyToUser, retweetOf] = optional.map((value) => value !== undefined);
    const there =
      (content === undefined ? 0 : parts.content) |
      (replyToTweet === true ? parts.replyToTweet : 0) |
      (replyToUser === true ? parts.replyToUser : 0) |
      (retweetOf === true ? parts.retweetOf : 0) |
      (content?.extra === undefined ? 0 : parts.extra);
    let at = body.writeUInt8(there);
    at = body.writeUInt8(state, at);
    at = body.writeBigInt64LE(id, at);
    at = body.writeBigInt64LE(stateAt, at);
    if (content === undefined) return body;
    at = body.writeBigInt64LE(content.userId, at);
    at = body.writeBigInt64LE(written!.writtenAt, at);
    at = body.writeDoubleLE(content.createdAtMs, at);
    at = body.writeUInt32LE(content.flags, at);
    for (const value of optional) if (value !== undefined) at = body.writeBigInt64LE(value, at);
    at = body.writeUInt16LE(textBytes, at);
    at += body.write(content.text, at);
    body.write(extra, at);
    return body;
  },
  decode(body, front) {
    if (front.length > 0) return undefined;
    const there = body.readUInt8(0);
    const state = body.readUInt8(1);
    const id = body.readBigInt64LE(2);
    const stateAt = body.readBigInt64LE(10);
    if ((there & parts.content) === 0) return { id, written: undefined, losers: [], state, stateAt };
    let at = headBytes + contentBytes - 2;
    const optional = (part: number): bigint | undefined => {
      if ((there & part) === 0) return undefined;
      at += 8;
      return body.readBigInt64LE(at - 8);
    };
    const [replyToTweetId, replyToUserId, retweetOfId] = [
      optional(parts.replyToTweet),
      optional(parts.replyToUser),
      optional(parts.retweetOf),
    ];
    const textAt = at + 2;
    const textEnd = textAt + body.readUInt16LE(at);
    const content = {
      id,
      userId: body.readBigInt64LE(headBytes),
      text: body.toString('utf8', textAt, textEnd),
      createdAtMs: body.readDoubleLE(headBytes + 16),
      replyToTweetId,
      replyToUserId,
      retweetOfId,
      flags: body.readUInt32LE(headBytes + 24),
      extra: (there & parts.extra) === 0 ? undefined : body.toString('utf8', textEnd),
    };
    return { id, written: { content, writtenAt: body.readBigInt64LE(headBytes + 8) }, losers: [], state, stateAt };
  },
};
