import type { Tweet } from '../../wire/index.js';
import { authorAt, keyOf, secondaryKeyCounts, secondaryKeyOf, type TimelineEntry } from '../entry.js';

/** What a home timeline knows about a tweet without reading it. */
export interface HomeEntry {
  readonly tweetId: bigint;
  readonly userId: bigint;
  readonly retweetOfId: bigint | undefined;
  readonly replyToUserId: bigint | undefined;
}

export const homeEntryOf = ({ id, userId, retweetOfId, replyToUserId }: Tweet): HomeEntry => ({
  tweetId: id,
  userId,
  retweetOfId,
  replyToUserId,
});

const repliedAt = authorAt + 8;

/**
 * An entry of a home timeline: the tweet's id, the retweeted tweet's id (whose flag makes it count for
 * deduplication), the author and, for a reply, the user whom it answers. 28 or 36 bytes.
 */
export function homeEntry({ id, userId, retweetOfId, replyToUserId }: Tweet): TimelineEntry {
  const entry = Buffer.alloc(replyToUserId === undefined ? repliedAt : repliedAt + 8);
  entry.writeBigInt64LE(id, 0);
  entry.writeBigInt64LE(retweetOfId ?? 0n, 8);
  entry.writeUInt32LE(retweetOfId === undefined ? 0 : secondaryKeyCounts, 16);
  entry.writeBigInt64LE(userId, authorAt);
  if (replyToUserId !== undefined) entry.writeBigInt64LE(replyToUserId, repliedAt);
  return entry;
}

/** Undefined for an entry that somebody else has written. */
export function readHomeEntry(entry: TimelineEntry): HomeEntry | undefined {
  if (entry.length < repliedAt) return undefined;
  const retweetOfId = secondaryKeyOf(entry);
  return {
    tweetId: keyOf(entry),
    userId: entry.readBigInt64LE(authorAt),
    retweetOfId: retweetOfId === 0n ? undefined : retweetOfId,
    replyToUserId: entry.length < repliedAt + 8 ? undefined : entry.readBigInt64LE(repliedAt),
  };
}
