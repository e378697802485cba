import { expect, it } from 'vitest';
import { Semaphore, type Priority, type Trace } from '../../core/index.js';
import type { Host } from '../backend.js';
import type { Leaf } from '../routing/route.js';
import type { JobType } from './jobType.js';
import { LeafWriter } from './leafWriter.js';

/** The batches in which groups that wait together are applied. */
async function batchesOf(groups: readonly (readonly [Priority, ...number[]])[], itemsAtOnce: number) {
  const batches: (readonly number[])[] = [];
  const type = {
    kind: 'test',
    itemsAtOnce,
    apply(_host: Host, _leaf: Leaf, items: readonly number[]) {
      batches.push(items);
      return Promise.resolve([]);
    },
  } as unknown as JobType<number>;
  const host = { name: 'h', health: { healthy: true, reason: '' } } as Host;
  const enqueue = (): Promise<void> => Promise.resolve();
  await new Promise<void>((resolve) => {
    const writer = new LeafWriter(type, {} as Leaf, host, new Semaphore(1), 1_000, enqueue, resolve);
    for (const [priority, ...items] of groups) writer.push({ items, priority, done: () => undefined });
  });
  return batches;
}

it('applies urgent items first, and leaves every second batch to the oldest items', async () => {
  expect(
    await batchesOf(
      [
        ['low', 1],
        ['low', 2, 3],
        ['low', 4, 5],
        ['high', 6],
        ['low', 7],
        ['high', 8, 9],
        ['high', 10],
      ],
      2,
    ),
  ).toEqual([[6], [1], [8, 9], [2, 3], [10], [4, 5], [7]]);
});

it('fills each batch up to its bound', async () => {
  expect(
    await batchesOf(
      [
        ['high', 1],
        ['low', 2],
        ['high', 3, 4],
        ['low', 5],
      ],
      10,
    ),
  ).toEqual([[1, 3, 4, 2, 5]]);
});

it('hands a trace on to the jobs that follow, unless it shares the batch with jobs that are not traced', async () => {
  const shared = { shared: true } as Trace;
  const trace = {
    shared: false,
    sharing: shared,
    inSpan: (_name: string, _kind: string, _attributes: object, work: (own: Trace) => unknown) => work(trace),
  } as unknown as Trace;
  const followed: (Trace | undefined)[] = [];
  const type = { kind: 'test', apply: () => Promise.resolve([{ kind: 'next' }]) } as unknown as JobType<number>;
  const host = { name: 'h', health: { healthy: true, reason: '' } } as Host;
  const leaf = { shard: { id: { hostname: 'h', tablePrefix: 's' } } } as Leaf;
  for (const traces of [[trace], [trace, undefined]])
    await new Promise<void>((resolve) => {
      const enqueue = (_priority: Priority, _jobs: unknown, own?: Trace): Promise<void> => {
        followed.push(own);
        return Promise.resolve();
      };
      const writer = new LeafWriter(type, leaf, host, new Semaphore(1), 1_000, enqueue, resolve);
      for (const own of traces) {
        const traced = own === undefined ? {} : { trace: own };
        writer.push({ items: [1], priority: 'high', done: () => undefined, ...traced });
      }
    });
  expect(followed).toEqual([trace, undefined]);
});
