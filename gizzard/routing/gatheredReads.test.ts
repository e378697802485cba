import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Deadline, RoostError } from '../../core/index.js';
import { GatheredReads, type Answers } from './gatheredReads.js';
import type { Route } from './route.js';

/** A shard that answers when it is told to. */
class Shard {
  readonly asked: {
    readonly keys: readonly number[];
    readonly deadline: Deadline;
    answer: () => void;
    fail: (error: unknown) => void;
  }[] = [];
  readonly reads = new GatheredReads<number, string>((_, keys, deadline) => {
    const { promise, resolve, reject } = deferred<Answers<string>>();
    // The key 0 has no value.
    this.asked.push({
      keys,
      deadline,
      answer: () =>
        resolve(new Map(keys.flatMap((key, place) => (key === 0 ? [] : [[place, `value ${key}`] as const])))),
      fail: reject,
    });
    return promise;
  });
  readonly #route = {} as Route;

  read(keys: readonly number[], deadlineMs = 10_000): Promise<(string | undefined)[]> {
    return this.reads.read(this.#route, keys, Deadline.after(deadlineMs));
  }
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}

describe('gathered reads', () => {
  it('are sent at once while few are in flight', async () => {
    const shard = new Shard();
    const both = [shard.read([1, 0]), shard.read([2])];
    expect(shard.asked.map(({ keys }) => keys)).toEqual([[1, 0], [2]]);
    for (const one of shard.asked) one.answer();
    expect(await Promise.all(both)).toEqual([['value 1', undefined], ['value 2']]);
  });

  it('that wait are sent as one, and each gets its own keys', async () => {
    const shard = new Shard();
    const all = [[1], [2], [3, 0, 4], [], [5, 3]].map((keys) => shard.read(keys));
    shard.asked[0]!.answer();
    await turn();
    expect(shard.asked.map(({ keys }) => keys)).toEqual([[1], [2], [3, 0, 4, 5, 3]]);
    for (const one of shard.asked) one.answer();
    expect(await Promise.all(all)).toEqual([
      ['value 1'],
      ['value 2'],
      ['value 3', undefined, 'value 4'],
      [],
      ['value 5', 'value 3'],
    ]);
  });

  it('are sent after a while when those before them hang', async () => {
    const shard = new Shard();
    void shard.read([1]);
    void shard.read([2]);
    const third = shard.read([3]);
    await expect.poll(() => shard.asked.length).toBe(3);
    shard.asked[2]!.answer();
    expect(await third).toEqual(['value 3']);
  });

  it('stay within what one statement holds', async () => {
    const shard = new Shard();
    const large = Array.from({ length: 700 }, (_, i) => i + 1);
    const all = [[1], [2], large, large, [3]].map((keys) => shard.read(keys));
    shard.asked[0]!.answer();
    shard.asked[1]!.answer();
    await turn();
    expect(shard.asked.slice(2).map(({ keys }) => keys.length)).toEqual([700, 701]);
    for (const one of shard.asked) one.answer();
    expect((await Promise.all(all)).map((values) => values.length)).toEqual([1, 1, 700, 700, 1]);
  });

  it('keep the deadline of each caller, and ask with the latest', async () => {
    const shard = new Shard();
    const first = [shard.read([1]), shard.read([2])];
    const hasty = shard.read([3], 20);
    const patient = shard.read([4], 10_000);
    await expect(hasty).rejects.toMatchObject({ code: 'DeadlineExceeded' });
    expect(shard.asked[2]!.keys).toEqual([3, 4]);
    expect(shard.asked[2]!.deadline.remainingMs()).toBeGreaterThan(1_000);
    for (const one of shard.asked) one.answer();
    expect(await patient).toEqual(['value 4']);
    await Promise.all(first);
  });

  it('all get the error of the read that they went in, and the next is asked', async () => {
    const shard = new Shard();
    const first = [shard.read([1]), shard.read([2])];
    const failing = [shard.read([3]), shard.read([4])];
    const settled = Promise.allSettled(failing);
    shard.asked[0]!.answer();
    await turn();
    shard.asked[2]!.fail(new RoostError('Unavailable', 'gone'));
    expect((await settled).map((one) => one.status === 'rejected' && (one.reason as RoostError).code)).toEqual([
      'Unavailable',
      'Unavailable',
    ]);
    shard.asked[1]!.answer();
    await Promise.all(first);
    const later = shard.read([5]);
    shard.asked[3]!.answer();
    expect(await later).toEqual(['value 5']);
  });
});
