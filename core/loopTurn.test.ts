import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { giveWay, inTurns, limits } from './index.js';

const spin = (ms: number): void => {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
};

/** Counts the turns of the event loop until `work` has ended. */
async function turnsOf(work: Promise<unknown>): Promise<number> {
  let ended = false;
  void work.finally(() => (ended = true)).catch(() => undefined);
  let turns = 0;
  for (; !ended; turns++) await nextTurn();
  return turns;
}

it('spreads long work over several turns, and runs short work in one', async () => {
  const items = Array.from({ length: 20 }, (_, i) => i);
  const long = inTurns(items, (item) => {
    spin(limits.sliceMs / 2);
    return item * 2;
  });
  expect(await turnsOf(long)).toBeGreaterThanOrEqual(7);
  expect(await long).toEqual(items.map((item) => item * 2));
  expect(await turnsOf(inTurns(items, (item) => item))).toBeLessThanOrEqual(2);
});

it('shares a turn among all work in progress', async () => {
  const works = Array.from({ length: 4 }, async () => {
    for (let step = 0; step < 5; step++) {
      spin(limits.sliceMs / 2);
      await giveWay();
    }
  });
  expect(await turnsOf(Promise.all(works))).toBeGreaterThanOrEqual(6);
});

it('throws the first error, and starts no step after it', async () => {
  let begun = 0;
  const failing = inTurns([1, 2, 3, 4], async (item) => {
    begun++;
    spin(limits.sliceMs);
    await Promise.resolve();
    if (item === 2) throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(begun).toBe(2);
});
