import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { limits } from '../core/index.js';
import { CallQueue } from './callQueue.js';

/** Keeps the process at work. */
function spin(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

/** Pushes calls that take some milliseconds each, and says what becomes of them. */
function pushAll(
  queue: CallQueue,
  count: number,
  takesMs: number,
  outcomes: ('started' | 'refused')[],
  gone = (_place: number) => false,
): void {
  for (let i = 0; i < count; i++) {
    const place = outcomes.length;
    outcomes.push(undefined as never);
    queue.push({
      arrivedMs: performance.now(),
      gone: () => gone(place),
      start: () => {
        outcomes[place] = 'started';
        spin(takesMs);
      },
      refuse: (error) => {
        expect(error).toMatchObject({ code: 'Overloaded', retryable: true });
        outcomes[place] = 'refused';
      },
    });
  }
}

it('starts what comes, and refuses what would wait for longer than it may', async () => {
  const queue = new CallQueue();
  const outcomes: ('started' | 'refused')[] = [];
  pushAll(queue, 500, 1, outcomes);
  while (queue.size > 0) await sleep(1);
  const started = outcomes.filter((outcome) => outcome === 'started').length;
  expect(started).toBeGreaterThan(0);
  expect(started).toBeLessThan(200);
  expect(outcomes.filter((outcome) => outcome === 'refused')).toHaveLength(500 - started);
});

it('refuses nothing because the process was held up', async () => {
  const queue = new CallQueue();
  const outcomes: ('started' | 'refused')[] = [];
  pushAll(queue, 5, 0, outcomes);
  spin(2 * limits.queueMs);
  while (queue.size > 0) await sleep(1);
  expect(outcomes).toEqual(new Array(5).fill('started'));
});

it('starts the newest first where the queue does not empty, and nothing for clients that have gone', async () => {
  const queue = new CallQueue();
  const outcomes: ('started' | 'refused')[] = [];
  pushAll(queue, 20, 1, outcomes);
  while (!queue.standing) {
    pushAll(queue, 20, 1, outcomes, (place) => place % 7 === 0);
    await sleep(1);
  }
  const [before, newest] = [outcomes.length, 10];
  pushAll(queue, newest, 1, outcomes);
  while (queue.size > 0) await sleep(1);
  expect(outcomes.slice(before)).toContain('started');
  expect(
    outcomes.filter((outcome, place) => place >= 20 && place < before && place % 7 === 0 && outcome === 'started'),
  ).toEqual([]);
});

it('holds a bounded number', async () => {
  const queue = new CallQueue();
  const outcomes: ('started' | 'refused')[] = [];
  pushAll(queue, limits.queuedRequests + 3, 0, outcomes);
  expect(queue.size).toBe(limits.queuedRequests);
  expect(outcomes.filter((outcome) => outcome === 'refused')).toHaveLength(3);
  while (queue.size > 0) await sleep(1);
});
