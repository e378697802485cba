import { expect, it } from 'vitest';
import type { ServerFigures } from './figures.js';
import { Growth } from './growth.js';

const post = (
  number: number,
  atMs: number,
  counters: ServerFigures['counters'],
  gauges: ServerFigures['gauges'] = {},
): ServerFigures => ({
  post: number,
  atMs,
  counters,
  gauges,
  bounds: [0.001, 0.01, 0.1],
  heat: { spanMs: 2_000, trees: [], keys: [] },
});

it('gives no rate until a server has posted twice', () => {
  const growth = new Growth();
  growth.add(new Map([['a', post(1, 0, { 'jobs high': [10] })]]));
  expect(growth.perSecond('jobs high')).toBeNull();
});

it("adds up the growth of all servers' counters per second", () => {
  const growth = new Growth();
  growth.add(
    new Map([
      ['a', post(1, 0, { 'jobs high': [10] })],
      ['b', post(5, 0, { 'jobs high': [0] })],
    ]),
  );
  growth.add(
    new Map([
      ['a', post(2, 2_000, { 'jobs high': [30] })],
      ['b', post(6, 4_000, { 'jobs high': [40] })],
    ]),
  );
  expect(growth.perSecond('jobs high')).toEqual([20]);
  expect(growth.perSecond('jobs high', 'a')).toEqual([10]);
});

it('counts each post once, and forgets servers that stopped posting', () => {
  const growth = new Growth();
  const first = post(1, 0, { 'jobs high': [10] }, { 'pool db1': [1, 2] });
  expect(growth.add(new Map([['a', first]]))).toEqual([first]);
  expect(growth.add(new Map([['a', first]]))).toEqual([]);
  expect(growth.now('pool db1')).toEqual([1, 2]);
  growth.add(new Map());
  expect(growth.now('pool db1')).toEqual([]);
});

it('ignores posts older than its window', () => {
  const growth = new Growth();
  for (let i = 0; i <= 20; i++)
    growth.add(new Map([['a', post(i, i * 2_000, { 'jobs high': [i < 10 ? 0 : (i - 10) * 2] })]]));
  // 1 a second for 20 s, and nothing for 20 s before.
  expect(growth.perSecond('jobs high')![0]).toBeCloseTo(1, 5);
});

it('interpolates a quantile within its bucket, over all servers', () => {
  const growth = new Growth();
  growth.add(
    new Map([
      ['a', post(1, 0, { rpc: [0, 0, 0, 0] })],
      ['b', post(1, 0, { rpc: [0, 0, 0, 0] })],
    ]),
  );
  growth.add(
    new Map([
      ['a', post(2, 1_000, { rpc: [90, 90, 90, 90] })],
      ['b', post(2, 1_000, { rpc: [0, 10, 10, 10] })],
    ]),
  );
  expect(growth.quantileMs('rpc', 0.95)).toBeCloseTo(5.5, 5);
  expect(growth.countPerSecond('rpc')).toBe(100);
  expect(growth.quantileMs('sql db1', 0.95)).toBeNull();
});
