import { expect, it } from 'vitest';
import { TopCounts } from './topCounts.js';

it('counts exactly while all keys fit', () => {
  const counts = new TopCounts<string>(2);
  for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) counts.add(key);
  expect(counts.error).toBe(0);
  expect(counts.top()).toEqual([
    ['a', 3],
    ['b', 2],
  ]);
});

it('finds the frequent keys among many others, and bounds the error of each count', () => {
  const counts = new TopCounts<number>(200);
  for (let i = 0; i < 100_000; i++) counts.add(i % 10 === 0 ? 1_000_000 + (i % 50) / 10 : i);
  const found = new Map(counts.top(5));
  // 1,000,000, …1, …2, …3 and …4, with 2,000 each.
  expect([...found.keys()].sort()).toEqual([1_000_000, 1_000_001, 1_000_002, 1_000_003, 1_000_004]);
  for (const count of found.values()) {
    expect(count).toBeGreaterThanOrEqual(2_000);
    expect(count - counts.error).toBeLessThanOrEqual(2_000);
  }
});

it('starts from zero when it has been taken', () => {
  const counts = new TopCounts<string>(2);
  counts.add('a', 5);
  expect(counts.take()).toEqual([['a', 5]]);
  expect(counts.top()).toEqual([]);
});
