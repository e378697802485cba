import { afterAll, beforeAll, expect, it } from 'vitest';
import { Deadline } from '../core/index.js';
import { TimelineCluster, untilQuiet } from '../test/timelines/timelineCluster.js';
import type { FollowUp } from '../gizzard/index.js';
import { activityChanged, activityJob, activityJobKind } from './activity/activityJob.js';
import { deliveryJob } from './home/deliveryJob.js';
import { newDelivery, type Delivery } from './home/deliveryPayload.js';
import { followJob } from './home/followJob.js';
import { followJobKind, followsChanged } from './home/followPayload.js';
import { deliverAbout } from './kinds/deliverAbout.js';
import type { TimelineService } from './timelineService.js';
import { timelinesTableId } from './timelineShards.js';
import { routingKeyOf } from './names.js';

// The writes of jobs are applied in any order: a replica that was away gets them late. Here a job decides on its
// writes, the opposite is written and applied, and only then are the writes of the first job applied.

const [reader, author] = [1n, 2n];
const materialized = { acknowledgment: 'materialized' } as const;
let cluster: TimelineCluster;
let service: TimelineService;

beforeAll(async () => {
  cluster = await TimelineCluster.start({ keep: 20 });
  ({ service } = cluster);
  // All is pushed: entries that are left to readers cannot be missing from a list.
  Object.assign(service.costs, { threshold: 0 });
  await edge('follows', 'add', reader, author);
  for (const pages of [service.home, service.user, service.mentions, service.activity])
    for (const userId of [reader, author]) await pages.page({ userId, count: 5 });
}, 120_000);
afterAll(() => cluster?.stop());

const edge = (graph: string, operations: 'add' | 'remove', from: bigint, to: bigint) =>
  service.flock.write(
    {
      graphId: service.flock.graph(graph).id,
      operations,
      sourceIds: BigInt64Array.of(from),
      destinationIds: BigInt64Array.of(to),
    },
    materialized,
  );
const tweet = async (more: object = {}): Promise<bigint> =>
  (await service.tbird.create([{ userId: author, text: 'tweet', ...more }], materialized))[0]!;
/** Applies writes, and all that follows from them. */
async function apply(writes: readonly FollowUp[]): Promise<void> {
  expect(writes.length).toBeGreaterThan(0);
  await service.gizzard.jobs.append(
    writes.map(({ kind, payload }) => ({ kind, payload })),
    { priority: 'high', waitUntilApplied: true, deadline: Deadline.after(10_000) },
  );
  await untilQuiet(service.gizzard);
}

/** The number of entries in a list, on each replica. */
const kept = (name: string): Promise<number[]> =>
  Promise.all(
    service.gizzard.topology.route(timelinesTableId, routingKeyOf(name)).leaves.map(async (leaf) => {
      const page = await service.timelines.listsAt(leaf, Deadline.after(5_000)).read(name, { limit: 50 });
      return page!.entries.length;
    }),
  );

/** The writes that a delivery decides on. */
const delivered = (op: Delivery['op'], id: bigint, time = 0n): Promise<readonly FollowUp[]> => {
  const { timelines, costs, tbird, flock, graphs } = service;
  const job = deliveryJob(timelines, costs, tbird, flock, graphs, (of, its, deadline) =>
    deliverAbout(of, its, service, deadline),
  );
  return job.run(newDelivery(op, id, time).payload, Deadline.after(10_000), 1);
};

it('keeps a tweet that was restored before its removal was applied, and activity on it', async () => {
  const id = await tweet({ mentions: [reader] });
  await edge('tweet_favorites', 'add', reader, id);
  await untilQuiet(service.gizzard);
  const names = [`home:${reader}`, `user:${author}`, `mentions:${reader}`, `activity:${reader}`, `activity:${author}`];
  const before = await Promise.all(names.map(kept));
  for (const [i, name] of names.entries()) expect(before[i]![0], name).toBeGreaterThan(0);
  await service.tbird.delete(BigInt64Array.of(id), materialized);
  await untilQuiet(service.gizzard);
  const removal = await delivered('remove', id);
  await service.tbird.undelete(BigInt64Array.of(id), materialized);
  await untilQuiet(service.gizzard);
  await apply(removal);
  await service.activity.page({ userId: author, count: 5 });
  await untilQuiet(service.gizzard);
  expect(await Promise.all(names.map(kept))).toEqual(before);
  // A removal that holds is not undone by the second look.
  await service.tbird.delete(BigInt64Array.of(id), materialized);
  await untilQuiet(service.gizzard);
  for (const [i, name] of names.entries()) expect((await kept(name))[0], name).toBeLessThan(before[i]![0]!);
});

it('restores a tweet only once its restoration is applied: its deletion may not be either', async () => {
  const id = await tweet();
  await untilQuiet(service.gizzard);
  const later = (await service.tbird.stateTimes(BigInt64Array.of(id)))[0]! + 3_600_000_000n;
  await expect(delivered('restore', id, later)).rejects.toMatchObject({ code: 'Unavailable' });
  await service.tbird.delete(BigInt64Array.of(id), { ...materialized, time: later - 2n });
  await expect(delivered('restore', id, later)).rejects.toMatchObject({ code: 'Unavailable' });
  await service.tbird.undelete(BigInt64Array.of(id), { ...materialized, time: later - 1n });
  expect((await delivered('restore', id, later)).length).toBeGreaterThan(0);
});

it('keeps the tweets of an author who was followed again before the unfollow was applied', async () => {
  await tweet();
  await untilQuiet(service.gizzard);
  const before = await kept(`home:${reader}`);
  expect(before[0]).toBeGreaterThan(0);
  await edge('follows', 'remove', reader, author);
  await untilQuiet(service.gizzard);
  expect(await kept(`home:${reader}`)).toEqual([0, 0]);
  const { timelines, tbird, flock, graphs } = service;
  const unfollow = await followJob(timelines, tbird, flock, graphs, 20, followJobKind).run(
    followsChanged([{ readerId: reader, authorId: author }]).payload,
    Deadline.after(10_000),
    1,
  );
  await edge('follows', 'add', reader, author);
  await untilQuiet(service.gizzard);
  await apply(unfollow);
  expect(await kept(`home:${reader}`)).toEqual(before);
});

it('keeps activity that was taken back and happened again, whichever write is applied last', async () => {
  const id = await tweet();
  const change = (operations: 'add' | 'remove') => edge('tweet_favorites', operations, reader, id);
  /** The writes that follow from the edge as it stands. */
  const decided = (): Promise<readonly FollowUp[]> => {
    const graphs = service.graphs();
    const [job] = activityChanged([{ tableId: graphs.favorites!, sourceId: reader, destinationId: id }], graphs);
    return activityJob(service, activityJobKind).run(job!.payload, Deadline.after(10_000), 1);
  };
  const shown = async () => {
    const { entries } = await service.activity.page({ userId: author, count: 50 });
    return entries.filter(({ kind, tweetId }) => kind === 'favorited' && tweetId === id).length;
  };
  // A restored tweet has had the timeline dropped; a read has it rebuilt.
  await untilQuiet(service.gizzard);
  await shown();
  await change('add');
  await untilQuiet(service.gizzard);
  const first = await decided();
  await change('remove');
  await untilQuiet(service.gizzard);
  const second = await decided();
  await change('add');
  await untilQuiet(service.gizzard);
  for (const late of [second, first, second]) {
    await apply(late);
    for (let look = 0; look < 4; look++) expect(await shown()).toBe(1);
  }
  await change('remove');
  await untilQuiet(service.gizzard);
  expect(await shown()).toBe(0);
});
