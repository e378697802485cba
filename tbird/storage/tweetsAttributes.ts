import type { Attributes, ShardAttributes, ShardInfo } from '../../gizzard/index.js';

/** The attributes of a shard of tweets: the length of its window in milliseconds. */
export const tweetsAttributes: ShardAttributes = {
  windowMs: {
    values: 'the length of its window, an integer of milliseconds from 1',
    allows: (value) => /^[1-9]\d{0,14}$/.test(value),
  },
};

export const windowMsOf = ({ attributes }: ShardInfo): number => Number(attributes['windowMs']);

/** The attributes of a shard with windows of this length. */
export const ofWindowMs = (windowMs: number): { readonly attributes: Attributes } => ({
  attributes: { windowMs: String(windowMs) },
});
