import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { FirstLevel } from './firstLevel.js';

it('evicts the least recently used value when full', () => {
  const values = new FirstLevel<bigint, string>({ entries: 2, seconds: 60 });
  values.set(1n, 'one');
  values.set(2n, 'two');
  values.get(1n);
  values.set(3n, 'three');
  expect([1n, 2n, 3n].map((key) => values.get(key))).toEqual(['one', undefined, 'three']);
});

it('expires a value on time, however often it is read', async () => {
  const values = new FirstLevel<string, number>({ entries: 2, seconds: 0.05 });
  values.set('a', 1);
  expect(values.get('a')).toBe(1);
  await sleep(30);
  values.get('a');
  await sleep(40);
  expect(values.get('a')).toBeUndefined();
});
