import { expect, it } from 'vitest';
import { dedupe } from './dedupe.js';
import { keyOf, makeEntry, secondaryKeyCounts } from './entry.js';

const keys = (entries: readonly Buffer[]) => entries.map((entry) => Number(keyOf(entry)));

it('keeps one entry of each primary key, newest first', () => {
  expect(keys(dedupe([makeEntry(3n), makeEntry(1n), makeEntry(3n)], false))).toEqual([3, 1]);
});

it('drops a retweet after its original, and the second of two retweets of one tweet', () => {
  const retweet = (key: bigint) => makeEntry(key, 1n, secondaryKeyCounts);
  const entries = [makeEntry(1n), retweet(2n), retweet(3n)];
  expect(keys(dedupe(entries, true))).toEqual([1]);
  expect(keys(dedupe(entries.slice(1), true))).toEqual([2]);
  expect(keys(dedupe(entries, false))).toEqual([3, 2, 1]);
});

it('keeps a retweet whose secondary key does not count', () => {
  expect(keys(dedupe([makeEntry(1n), makeEntry(2n, 1n)], true))).toEqual([2, 1]);
});

it('never drops entries too short for a key', () => {
  const short = Buffer.from('0100000000000000', 'hex');
  expect(dedupe([short, short, makeEntry(1n)], true)).toHaveLength(3);
});
