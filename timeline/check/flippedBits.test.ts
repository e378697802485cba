import { afterAll, beforeAll, expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import type { RedisHost } from '../../redis/index.js';
import { TimelineCluster, untilQuiet } from '../../test/timelines/timelineCluster.js';
import type { TimelineService } from '../timelineService.js';
import { timelinesTableId } from '../timelineShards.js';
import { checkTimelines } from './checkTimelines.js';

// An entry of a reply has 36 bytes: the tweet, the retweeted tweet, flags, the author, and the user whom it answers.
const entryBytes = 36;
const author = 1_000n;
const readers = Array.from({ length: entryBytes }, (_, i) => BigInt(i + 1));
const materialized = { acknowledgment: 'materialized' } as const;
let cluster: TimelineCluster;
let service: TimelineService;
let root: bigint;
const ids: bigint[] = [];

const check = (repair = false) => checkTimelines(service, { settleMs: 500, repair });
const keyBytes = 8;
const pageOf = async (userId: bigint): Promise<readonly bigint[]> =>
  (await service.home.page({ userId, count: 10 })).entries.map(({ tweetId }) => tweetId);

/** Changes an entry of a timeline on the first replica. */
async function onFirstReplica(name: string, change: (entry: Buffer) => void): Promise<void> {
  const { gizzard } = service;
  for (const { leaves } of gizzard.topology.routes(timelinesTableId)) {
    const { shard } = leaves[0]!;
    const host = gizzard.hosts.host(shard.id.hostname) as RedisHost;
    const changed = await host.run(Deadline.after(5_000), async (redis) => {
      const space = (await redis.hget(`${gizzard.config.cluster}:shards:timelines`, shard.id.tablePrefix))!;
      const stored = await redis.lrangeBuffer(`${space}${name}`, 0, -1);
      const at = stored.findIndex((entry) => entry.length === entryBytes && entry.readBigInt64LE(0) === ids[2]);
      if (at < 0) return false;
      const entry = Buffer.from(stored[at]!);
      change(entry);
      await redis.lset(`${space}${name}`, at, entry);
      return true;
    });
    if (changed) return;
  }
  throw new Error(`${name} is on no first replica`);
}

beforeAll(async () => {
  cluster = await TimelineCluster.start({ keep: 20, shards: 1 });
  ({ service } = cluster);
  Object.assign(service.costs, { threshold: 0 });
  await service.flock.write(
    {
      graphId: service.flock.graph('follows').id,
      operations: 'add',
      sourceIds: BigInt64Array.from([...readers, ...readers]),
      destinationIds: BigInt64Array.from([...readers.map(() => author), ...readers.map(() => 9n)]),
    },
    materialized,
  );
  [root] = (await service.tbird.create([{ userId: 9n, text: 'root' }], materialized)) as unknown as [bigint];
  for (const userId of readers) await pageOf(userId);
  for (let i = 0; i < 5; i++) {
    const reply = { userId: author, text: 'tweet', replyToUserId: 9n, replyToTweetId: root };
    ids.push((await service.tbird.create([reply], materialized))[0]!);
  }
  await untilQuiet(service.gizzard);
}, 120_000);
afterAll(() => cluster?.stop());

it('finds a bit flipped in any byte of an entry on one replica, never shows it, and repairs it', async () => {
  const whole = [...ids.toReversed(), root];
  for (const userId of readers) expect(await pageOf(userId)).toEqual(whole);
  for (const [byte, userId] of readers.entries())
    await onFirstReplica(`home:${userId}`, (entry) => (entry[byte]! ^= 0x80));
  for (const userId of [...readers, ...readers]) {
    const page = await pageOf(userId);
    expect([userId, page]).toEqual([userId, whole.filter((id) => page.includes(id))]);
  }

  const { found, faults } = await check();
  // Each entry with another value, the lists whose order is broken, and the two replicas that differ: a key that still
  // fits between its neighbors is found by these alone.
  expect(faults).toBeGreaterThanOrEqual(readers.length - keyBytes + 5 + 1);
  expect(found).toContain(`home:8 on tl1: its entries are not in order, as after a flipped bit`);
  expect(found).toContain('tl1/timelines_0000, tl2/timelines_0000 differ in row home:1 of timelines');

  expect((await check(true)).repaired).toBeGreaterThan(0);
  await untilQuiet(service.gizzard);
  expect(await check()).toMatchObject({ faults: 0, found: [] });
  for (const userId of [...readers, ...readers]) expect([userId, await pageOf(userId)]).toEqual([userId, whole]);
}, 120_000);
