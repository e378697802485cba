import type { ShardAttributes, ShardInfo } from '../../gizzard/index.js';

/** The attributes of a shard of tweets: how long its window is, in milliseconds. */
export const tweetsAttributes: ShardAttributes = {
  windowMs: {
    storedIn: 'sourceType',
    values: 'the length of its window, an integer of milliseconds from 1',
    allows: (value) => /^[1-9]\d{0,14}$/.test(value),
  },
};

export const windowMsOf = ({ sourceType }: ShardInfo): number => Number(sourceType);

/** What a shard of windows of this length says. */
export const ofWindowMs = (windowMs: number): Pick<ShardInfo, 'sourceType' | 'destinationType'> => ({
  sourceType: String(windowMs),
  destinationType: '',
});
