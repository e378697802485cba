import { afterAll, beforeAll, expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import type { RedisHost } from '../../redis/index.js';
import { TimelineCluster, untilQuiet } from '../../test/timelines/timelineCluster.js';
import { makeEntry } from '../entry.js';
import type { TimelineService } from '../timelineService.js';
import { timelinesTableId } from '../timelineShards.js';
import { checkTimelines } from './checkTimelines.js';

const keep = 20;
const [reader, author, other] = [1n, 2n, 3n];
const materialized = { acknowledgment: 'materialized' } as const;
let cluster: TimelineCluster;
let service: TimelineService;
const ids: bigint[] = [];

const edge = (graph: string, sourceId: bigint, destinationId: bigint) =>
  service.flock.write(
    {
      graphId: service.flock.graph(graph).id,
      operations: 'add',
      sourceIds: BigInt64Array.of(sourceId),
      destinationIds: BigInt64Array.of(destinationId),
    },
    materialized,
  );
const tweet = async (userId: bigint, more: object = {}): Promise<bigint> =>
  (await service.tbird.create([{ userId, text: 'tweet', ...more }], materialized))[0]!;
const check = (repair = false) => checkTimelines(service, { settleMs: 500, repair });

/** Takes the newest entry of a list away from one replica, behind everybody's back. */
async function loseNewest(name: string, replica: number): Promise<void> {
  const { gizzard } = service;
  for (const { leaves } of gizzard.topology.routes(timelinesTableId)) {
    const { shard } = leaves[replica]!;
    const host = gizzard.hosts.host(shard.id.hostname) as RedisHost;
    await host.run(Deadline.after(5_000), async (redis) => {
      const spaces = await redis.hgetall(`${gizzard.config.cluster}:shards:timelines`);
      await redis.rpop(`${spaces[shard.id.tablePrefix]!}${name}`);
    });
  }
}

beforeAll(async () => {
  cluster = await TimelineCluster.start({ keep });
  ({ service } = cluster);
  // All is pushed: of what a list leaves to its readers nothing can be missing.
  Object.assign(service.costs, { threshold: 0 });
  for (const followed of [author, other]) await edge('follows', reader, followed);
  const old = await tweet(other);
  await tweet(author, { replyToUserId: 9n, replyToTweetId: old });
  for (const page of [service.home, service.user, service.mentions, service.activity])
    await page.page({ userId: reader, count: 5 });
  for (let i = 0; i < keep * 2; i++) ids.push(await tweet(author, { mentions: [reader] }));
  await tweet(other, { retweetOfId: ids.at(-1)! });
  await edge('tweet_favorites', other, await tweet(reader));
  await untilQuiet(service.gizzard);
}, 120_000);
afterAll(() => cluster?.stop());

it('finds nothing wrong in timelines of all kinds that are as their sources say', async () => {
  // Followed after a reply to them, a user brings nothing that was to be delivered.
  await edge('follows', reader, 9n);
  await untilQuiet(service.gizzard);
  expect(await check()).toMatchObject({
    faults: 0,
    found: [],
    looked: expect.stringMatching(/^4 timelines/) as string,
  });
});

it('finds nothing wrong while tweets are delivered', async () => {
  let writing = true;
  const writes = (async () => {
    while (writing) await tweet(author, { mentions: [reader] });
  })();
  for (let i = 0; i < 3; i++) expect(await checkTimelines(service)).toMatchObject({ faults: 0, found: [] });
  writing = false;
  await writes;
  await untilQuiet(service.gizzard);
});

it.each(['home', 'mentions', 'activity'])(
  'finds an entry of a %s timeline that all replicas lost, and rebuilds it',
  async (kind) => {
    for (const replica of [0, 1]) await loseNewest(`${kind}:1`, replica);
    const found = await check();
    expect(found).toMatchObject({ faults: 2, repaired: 0 });
    expect(found.found.join()).toMatch(new RegExp(`${kind}:1 on tl[12]: entry \\d+ is missing`));
    expect(await check(true)).toMatchObject({ faults: 2, repaired: 2 });
    await untilQuiet(service.gizzard);
    expect(await check()).toMatchObject({ faults: 0 });
  },
);

it('finds an entry that one replica lacks, and one that says something else than its tweet', async () => {
  await loseNewest('home:1', 1);
  const newest = (await service.timelines.page('home:1', { limit: 1 }))!.entries[0]!;
  const { found } = await check();
  expect(found.join()).toContain('differ in row home:1');
  await check(true);
  await untilQuiet(service.gizzard);
  const wrong = Buffer.concat([makeEntry(newest.readBigInt64LE(0)), Buffer.alloc(8)]);
  await service.timelines.unmerge('home:1', [newest], materialized);
  await service.timelines.merge('home:1', [wrong], materialized);
  expect((await check(true)).found.join()).toContain('is not as its tweet or edge says');
  await untilQuiet(service.gizzard);
  expect(await check()).toMatchObject({ faults: 0 });
});
