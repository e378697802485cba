import type { TweetContent } from './tweet.js';

/**
 * The state that an edge of the authors' index has for each kind of tweet, so that one page can leave kinds out, and each is counted.
 * In the order of the states' ranks.
 */
export const kindStates = { original: 'normal', reply: 'negative', retweet: 'archived' } as const;
export type TweetKind = keyof typeof kindStates;

const kinds = Object.keys(kindStates) as TweetKind[];

export const kindOf = ({ retweetOfId, replyToTweetId, replyToUserId }: TweetContent): TweetKind =>
  retweetOfId !== undefined ? 'retweet' : replyToTweetId !== undefined || replyToUserId !== undefined ? 'reply' : 'original';

/** The rank of the state in which a tweet is in its author's index. */
export const kindRank = (content: TweetContent): number => kinds.indexOf(kindOf(content));
