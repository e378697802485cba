import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { limits, type RoostError } from '../core/index.js';
import type { CallHead, Rank } from './callHead.js';
import { CallQueue } from './callQueue.js';
import { defaultServerLimits, ServerLoad } from './serverLoad.js';

interface PushOptions extends Partial<Pick<CallHead, 'kind' | 'rank'>> {
  readonly gone?: (place: number) => boolean;
  /** When they were read; absent: now. */
  readonly readMs?: number;
}

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
  { gone = () => false, kind = 'read', rank = 'high', readMs = performance.now() }: PushOptions = {},
): void {
  for (let i = 0; i < count; i++) {
    const place = outcomes.length;
    outcomes.push(undefined as never);
    const head = { method: 'any', kind, rank };
    const refuse = (error: RoostError): void => {
      expect(error).toMatchObject({ code: 'Overloaded', retryable: true });
      outcomes[place] = 'refused';
    };
    const full = queue.full(head);
    if (full !== undefined) {
      refuse(full);
      continue;
    }
    queue.push({
      head,
      readMs,
      gone: () => gone(place),
      start: () => {
        outcomes[place] = 'started';
        spin(takesMs);
      },
      refuse,
    });
  }
}

it('starts calls of every kind and rank', async () => {
  const queue = new CallQueue(new ServerLoad(defaultServerLimits));
  const outcomes: ('started' | 'refused')[] = [];
  for (const kind of Object.keys(defaultServerLimits.slots) as CallHead['kind'][])
    for (const rank of ['high', 'medium', 'low'] as const) pushAll(queue, 1, 0, outcomes, { kind, rank });
  while (queue.size > 0) await sleep(1);
  expect(outcomes).toEqual(outcomes.map(() => 'started'));
});

it('starts calls as they come, and refuses those that would wait for too long', async () => {
  const queue = new CallQueue(new ServerLoad(defaultServerLimits));
  const outcomes: ('started' | 'refused')[] = [];
  pushAll(queue, 500, 1, outcomes);
  while (queue.size > 0) await sleep(1);
  const started = outcomes.filter((outcome) => outcome === 'started').length;
  expect(started).toBeGreaterThan(0);
  expect(started).toBeLessThan(200);
  expect(outcomes.filter((outcome) => outcome === 'refused')).toHaveLength(500 - started);
});

it('refuses no call because the process was held up', async () => {
  const queue = new CallQueue(new ServerLoad(defaultServerLimits));
  const outcomes: ('started' | 'refused')[] = [];
  pushAll(queue, 5, 0, outcomes);
  spin(2 * limits.queueMs);
  while (queue.size > 0) await sleep(1);
  expect(outcomes).toEqual(new Array(5).fill('started'));
});

it('starts the newest first where the queue does not empty, and nothing for clients that have gone', async () => {
  const queue = new CallQueue(new ServerLoad(defaultServerLimits));
  const outcomes: ('started' | 'refused')[] = [];
  pushAll(queue, 20, 1, outcomes);
  while (!queue.standing) {
    pushAll(queue, 20, 1, outcomes, { gone: (place) => place % 7 === 0 });
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

it('holds a bounded number of calls', async () => {
  const queue = new CallQueue(new ServerLoad(defaultServerLimits));
  const outcomes: ('started' | 'refused')[] = [];
  pushAll(queue, limits.queuedRequests + 3, 0, outcomes);
  expect(queue.size).toBe(limits.queuedRequests);
  expect(outcomes.filter((outcome) => outcome === 'refused')).toHaveLength(3);
  while (queue.size > 0) await sleep(1);
});

it('refuses low before medium and medium before high', async () => {
  const queue = new CallQueue(new ServerLoad(defaultServerLimits));
  const [low, medium, high]: ('started' | 'refused')[][] = [[], [], []];
  // Together they take longer than they may wait.
  const each = limits.queueMs / 3 + 2;
  pushAll(queue, each, 1, low!, { kind: 'write', rank: 'low' });
  pushAll(queue, each, 1, medium!, { kind: 'write', rank: 'medium' });
  pushAll(queue, each, 1, high!, { kind: 'write', rank: 'high' });
  while (queue.size > 0) await sleep(1);
  expect(low).toContain('refused');
  if (low!.includes('started')) expect(medium).not.toContain('refused');
  if (medium!.includes('started')) expect(high).not.toContain('refused');
});

it('refuses the oldest of the lowest rank for one of a higher, where it is full', () => {
  const queue = new CallQueue(new ServerLoad(defaultServerLimits));
  const [low, medium, high]: ('started' | 'refused')[][] = [[], [], []];
  pushAll(queue, 2, 0, low!, { kind: 'write', rank: 'low' });
  pushAll(queue, limits.queuedRequests, 0, medium!, { kind: 'write', rank: 'medium' });
  expect(low).toEqual(['refused', 'refused']);
  pushAll(queue, 1, 0, high!);
  expect(medium!.indexOf('refused')).toBe(0);
  pushAll(queue, 1, 0, low!, { kind: 'write', rank: 'low' });
  expect(low).toEqual(['refused', 'refused', 'refused']);
});

it('lets calls wait while their kind has no slot, and starts them as it gets one', async () => {
  const load = new ServerLoad({ ...defaultServerLimits, slots: { ...defaultServerLimits.slots, read: 1 } });
  const queue = new CallQueue(load);
  load.enter('read', false);
  const [reads, writes]: ('started' | 'refused')[][] = [[], []];
  const readMs = performance.now() + 60_000;
  pushAll(queue, 1, 0, reads!, { readMs });
  pushAll(queue, 1, 0, writes!, { readMs, kind: 'write' });
  await nextTurn();
  expect([reads, writes]).toEqual([[undefined], ['started']]);
  load.leave('read');
  while (queue.size > 0) await sleep(1);
  expect(reads).toEqual(['started']);
  load.enter('read', false);
  pushAll(queue, 1, 0, reads!);
  while (queue.size > 0) await sleep(1);
  expect(reads).toEqual(['started', 'refused']);
});

it('keeps slots for writes of high priority free of the others', async () => {
  const load = new ServerLoad({ ...defaultServerLimits, slots: { ...defaultServerLimits.slots, write: 4 } });
  const queue = new CallQueue(load);
  load.enter('write', false);
  const outcomes: Record<Rank, ('started' | 'refused')[]> = { low: [], medium: [], high: [] };
  const pushEach = async (): Promise<void> => {
    for (const rank of ['low', 'medium', 'high'] as const) {
      pushAll(queue, 1, 0, outcomes[rank], { kind: 'write', rank, readMs: performance.now() + 60_000 });
    }
    await nextTurn();
  };
  await pushEach();
  load.enter('write', false);
  await pushEach();
  expect(outcomes).toEqual({
    low: [undefined, undefined],
    medium: ['started', undefined],
    high: ['started', 'started'],
  });
  for (let i = 0; i < 2; i++) load.leave('write');
  while (queue.size > 0) await sleep(1);
});
