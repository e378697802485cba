import type { Tweet } from '../wire/index.js';

/** What a tweet is, beside whether it is deleted. */
export type TweetContent = Omit<Tweet, 'deletedAt'>;
