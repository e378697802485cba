import { describe, expect, it } from 'vitest';
import {
  Backoff,
  BackgroundLoop,
  chunks,
  Deadline,
  groupBy,
  inOrder,
  inParallel,
  jsonText,
  Semaphore,
  whatStays,
} from './index.js';

describe('a background loop', () => {
  it('continues after failures, reports each new one, and stops in the middle of a pause', async () => {
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

  it('waits for the step in flight when it is stopped, and swallows its failure', async () => {
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
  it('group, split, write 64-bit integers, and back off', () => {
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

describe('work in parallel', () => {
  /** Work that ends when told to, in any order. */
  const controlled = () => {
    const ends = new Map<number, (error?: Error) => void>();
    const started: number[] = [];
    const work = (item: number): Promise<void> => {
      started.push(item);
      return new Promise((resolve, reject) =>
        ends.set(item, (error) => (error === undefined ? resolve() : reject(error))),
      );
    };
    return { started, work, end: (item: number, error?: Error) => ends.get(item)!(error) };
  };

  it('starts the next item when any ends, and never more than allowed', async () => {
    const { started, work, end } = controlled();
    const all = inParallel([1, 2, 3, 4], 2, work);
    await expect.poll(() => started).toEqual([1, 2]);
    end(2);
    await expect.poll(() => started).toEqual([1, 2, 3]);
    end(3);
    await expect.poll(() => started).toEqual([1, 2, 3, 4]);
    end(4);
    end(1);
    await all;
    await inParallel([], 2, work);
    expect(started).toHaveLength(4);
  });

  it('starts nothing after a failure, and throws the first once all work has ended', async () => {
    const { started, work, end } = controlled();
    let source = 'open';
    const items = function* () {
      try {
        yield* [1, 2, 3, 4];
      } finally {
        source = 'closed';
      }
    };
    const outcome: string[] = [];
    const all = inParallel(items(), 2, work).catch((error: Error) => void outcome.push(error.message));
    await expect.poll(() => started).toEqual([1, 2]);
    end(2, new Error('first'));
    await expect.poll(() => source).toBe('closed');
    expect(outcome).toEqual([]);
    end(1, new Error('second'));
    await all;
    expect([outcome, started]).toEqual([['first'], [1, 2]]);
  });

  it('starts nothing that a slow source brings after a failure', async () => {
    const { started, work, end } = controlled();
    let bring = (): void => undefined;
    const items = async function* () {
      yield 1;
      await new Promise<void>((resolve) => (bring = resolve));
      yield 2;
    };
    const all = inParallel(items(), 3, work);
    await expect.poll(() => started).toEqual([1]);
    end(1, new Error('refused'));
    await new Promise(setImmediate);
    bring();
    await expect(all).rejects.toThrow('refused');
    expect(started).toEqual([1]);
  });

  it('waits for its work when the source fails', async () => {
    const { started, work, end } = controlled();
    const outcome: string[] = [];
    const items = async function* () {
      yield 1;
      throw new Error('of the source');
    };
    const all = inParallel(items(), 2, work).catch((error: Error) => void outcome.push(error.message));
    await expect.poll(() => started).toEqual([1]);
    await new Promise(setImmediate);
    expect(outcome).toEqual([]);
    end(1);
    await all;
    expect(outcome).toEqual(['of the source']);
  });

  it('reports how far all is finished, in the order of the items', async () => {
    const { started, work, end } = controlled();
    const reached: number[] = [];
    const all = inOrder(
      [1, 2, 3, 4],
      3,
      async (item) => {
        await work(item);
        return item;
      },
      (item) => void reached.push(item),
    );
    await expect.poll(() => started).toEqual([1, 2, 3]);
    end(3);
    end(2);
    await expect.poll(() => started).toEqual([1, 2, 3, 4]);
    expect(reached).toEqual([]);
    end(1);
    await expect.poll(() => reached).toEqual([3]);
    end(4);
    await all;
    expect(reached).toEqual([3, 4]);
  });
});

describe('what stays', () => {
  it('is what each look finds again, and is looked at no more once it is gone', async () => {
    const looks: (readonly number[])[] = [];
    const again = (most: number) => async (left: readonly number[]) => {
      looks.push(left);
      return left.filter((one) => one <= most);
    };
    expect(await whatStays([1, 2, 3], again(2), [0, 1])).toEqual([1, 2]);
    expect(await whatStays([1, 2], again(0), [0, 1, 1])).toEqual([]);
    expect(await whatStays([], again(9), [0])).toEqual([]);
    expect(looks).toEqual([
      [1, 2, 3],
      [1, 2],
      [1, 2],
    ]);
  });
});

describe('a semaphore', () => {
  it('serves waiters in order, and forgets one whose deadline has passed', async () => {
    const semaphore = new Semaphore(1);
    const order: string[] = [];
    let free = (): void => undefined;
    const first = semaphore.run(() => new Promise<void>((resolve) => (free = resolve)));
    const late = semaphore.run(async () => void order.push('late'), Deadline.after(1), 'waiting for its turn');
    const second = semaphore.run(async () => void order.push('second'));
    const third = semaphore.run(async () => void order.push('third'));
    await expect(late).rejects.toMatchObject({
      code: 'DeadlineExceeded',
      message: 'waiting for its turn did not finish before its deadline',
    });
    free();
    await Promise.all([first, second, third]);
    await semaphore.run(async () => void order.push('after'));
    expect(order).toEqual(['second', 'third', 'after']);
  });
});
