import { describe, expect, it } from 'vitest';
import { Backoff, BackgroundLoop, chunks, groupBy, jsonText } from './index.js';

describe('a background loop', () => {
  it('goes on after failures, names each new one, and stops in the middle of a pause', async () => {
    const heard: [string, boolean][] = [];
    let steps = 0;
    const loop = new BackgroundLoop(
      async () => {
        steps++;
        if (steps <= 3) throw new Error(steps < 3 ? 'one' : 'two');
        return steps === 4 ? 0 : 3_600_000;
      },
      { everyMs: 0, onError: (error, repeated) => void heard.push([(error as Error).message, repeated]) },
    );
    loop.start();
    loop.start();
    await expect.poll(() => steps).toBe(5);
    expect(heard).toEqual([
      ['one', false],
      ['one', true],
      ['two', false],
    ]);
    await loop.stop();
    loop.start();
    expect([steps, loop.stopped]).toEqual([5, true]);
  });

  it('waits for the step that is under way when it is stopped, and keeps its failure to itself', async () => {
    let fail = (_: Error): void => undefined;
    const heard: unknown[] = [];
    const loop = new BackgroundLoop(() => new Promise((_, reject) => (fail = reject)), {
      everyMs: 1,
      onError: (error) => void heard.push(error),
    });
    loop.start();
    const stopped = loop.stop();
    fail(new Error('too late'));
    await stopped;
    expect(heard).toEqual([]);
  });
});

describe('small tools', () => {
  it('group, cut, write 64-bit integers, and wait longer each time', () => {
    expect([...groupBy([1, 2, 3, 4], (n) => n % 2)]).toEqual([
      [1, [1, 3]],
      [0, [2, 4]],
    ]);
    expect([...chunks([1, 2, 3], 2)]).toEqual([[1, 2], [3]]);
    expect(jsonText({ id: 2n ** 63n, ids: new BigInt64Array([1n]) })).toBe('{"id":"9223372036854775808","ids":["1"]}');
    const backoff = new Backoff(10, 30);
    expect([backoff.rested, backoff.next(), backoff.next(), backoff.next(), backoff.rested]).toEqual([
      true,
      10,
      20,
      30,
      false,
    ]);
    backoff.reset();
    expect(backoff.nextMs).toBe(10);
  });
});
