import type { TweetContent } from './tweet.js';

/**
 * The state that an edge of the authors' index has for each kind of tweet, so that one page can leave kinds out, and each is counted.
 */
export const kindStates = { original: 'normal', reply: 'negative', retweet: 'archived' } as const;
export type TweetKind = keyof typeof kindStates;

export const kindOf = ({ retweetOfId, replyToTweetId, replyToUserId }: TweetContent): TweetKind =>
  retweetOfId !== undefined
    ? 'retweet'
    : replyToTweetId !== undefined || replyToUserId !== undefined
      ? 'reply'
      : 'original';
