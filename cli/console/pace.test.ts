import { expect, it } from 'vitest';
import { Pace } from './pace.js';

/** A clock that goes on only while somebody sleeps. */
function clock() {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    sleep: async (ms: number) => void (nowMs += ms),
    pass: (ms: number) => void (nowMs += ms),
  };
}
const { signal } = new AbortController();

it('sends the first batch at once, and each later batch when the rate allows', async () => {
  const time = clock();
  const pace = new Pace(500, signal, time);
  const sentMs: number[] = [];
  for (const rows of [1_000, 500, 10, 1]) {
    await pace.admit(rows);
    sentMs.push(time.nowMs());
  }
  expect(sentMs).toEqual([0, 2_000, 3_000, 3_020]);
});

it('does not exceed the rate after a pause', async () => {
  const time = clock();
  const pace = new Pace(1_000, signal, time);
  await pace.admit(1_000);
  time.pass(60_000);
  await pace.admit(1_000);
  await pace.admit(1_000);
  expect(time.nowMs()).toBe(61_000);
});

it('does not wait without a rate, and ends when its signal is aborted', async () => {
  const time = clock();
  const fast = new Pace(undefined, signal, time);
  for (let i = 0; i < 3; i++) await fast.admit(1_000_000);
  expect(time.nowMs()).toBe(0);
  const slow = new Pace(1, AbortSignal.abort());
  await slow.admit(1);
  await expect(slow.admit(1)).rejects.toMatchObject({ name: 'AbortError' });
});
