import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { SharedLook } from './sharedLook.js';

it('gives each caller a look that begins after its call, and shares looks among callers', async () => {
  let begun = 0;
  let ended = 0;
  const looks = new SharedLook(async () => {
    begun++;
    await sleep(5);
    ended++;
  }, 50);
  const first = looks.fresh();
  await Promise.resolve();
  expect(begun).toBe(1);
  // That one has begun already.
  const others = Array.from({ length: 1_000 }, () => looks.fresh());
  await first;
  expect([begun, ended]).toEqual([1, 1]);
  await Promise.all(others);
  expect([begun, ended]).toEqual([2, 2]);
});

it('tells every caller of a look that fails, and looks again for the next', async () => {
  let fails = true;
  const looks = new SharedLook(() => (fails ? Promise.reject(new Error('no answer')) : Promise.resolve()), 1);
  await expect(Promise.all([looks.fresh(), looks.fresh()])).rejects.toThrow('no answer');
  fails = false;
  await looks.fresh();
});
