import { afterAll, beforeAll, expect, it } from 'vitest';
import { Deadline } from '../core/index.js';
import { untilApplied } from '../test/flock/untilApplied.js';
import { freshCluster } from '../test/support/index.js';
import { checkTweets, openTbird, tbirdStore, type Tbird } from './index.js';

const cluster = freshCluster('tweet_check');
let tbird: Tbird;
let ids: bigint[];
const materialized = { acknowledgment: 'materialized' } as const;

beforeAll(async () => {
  tbird = await openTbird(cluster.config, { create: true, work: true });
  await tbird.setup({ policy: { stripes: 2, replicas: 2 }, graphShards: 2 });
  const [first] = await tbird.create([{ userId: 1n, text: 'first' }], materialized);
  ids = [
    first!,
    ...(await tbird.create(
      Array.from({ length: 30 }, (_, i) => ({
        userId: BigInt(1 + (i % 3)),
        text: `${i}`,
        ...(i % 5 === 0 ? { replyToTweetId: first! } : {}),
        ...(i % 7 === 0 ? { retweetOfId: first! } : {}),
      })),
      materialized,
    )),
  ];
  await tbird.delete(BigInt64Array.from(ids.slice(4, 8)), materialized);
});
afterAll(() => tbird.close());

it('finds no fault when tables and indexes agree', async () => {
  await expect.poll(async () => (await tbird.flock.journal()).queued.high, { timeout: 10_000 }).toBe(0);
  expect(await checkTweets(tbird)).toMatchObject({ tweets: 31, faults: [], uncertain: 0, repaired: 0 });
});

it('finds entries that are missing, wrong or stray, and repairs them', async () => {
  const { byUser } = tbird.graphs();
  const [lost, wrong, stray] = [ids[10]!, ids[9]!, ids[12]!];
  const owner = async (id: bigint): Promise<bigint> => (await tbird.get(BigInt64Array.of(id)))[0]!.userId;
  const edge = async (operations: 'remove' | 'negate' | 'add', sourceId: bigint, id: bigint): Promise<void> =>
    tbird.flock.write(
      {
        graphId: byUser,
        operations,
        sourceIds: BigInt64Array.of(sourceId),
        destinationIds: BigInt64Array.of(id),
        positions: BigInt64Array.of(id),
      },
      materialized,
    );
  await edge('remove', await owner(lost), lost);
  await edge('negate', await owner(wrong), wrong);
  await edge('add', 77n, 123n);
  // A tweet whose row went without its edge, on both replicas.
  const strayOwner = await owner(stray);
  const { windowMs } = await tbird.windowSet.policy();
  for (const { shard } of tbird.windowSet.route(stray, windowMs)!.leaves) {
    await tbird.gizzard.mysql
      .host(shard.id.hostname)
      .run(`DELETE FROM ${tbird.tables.at(shard).sql} WHERE id = ?`, [stray], Deadline.after(5_000));
  }
  const expected = [
    { id: lost, sourceId: await owner(lost), found: 'removed' },
    { id: wrong, sourceId: await owner(wrong), found: 'negative', expected: 'normal' },
    { id: 123n, sourceId: 77n, found: 'normal', expected: 'none' },
    { id: stray, sourceId: strayOwner, expected: 'none' },
  ];
  const seen = await checkTweets(tbird);
  expect(await tbirdStore.check!(tbird, {})).toMatchObject({ faults: seen.faults.length, repaired: 0, remedies: [] });
  expect(seen.repaired).toBe(0);
  for (const fault of expected)
    expect(seen.faults).toContainEqual(expect.objectContaining({ graphId: byUser, ...fault }));
  expect((await checkTweets(tbird, { repair: true })).repaired).toBe(seen.faults.length);
  expect(await checkTweets(tbird)).toMatchObject({ faults: [], uncertain: 0 });
  expect([...(await tbird.timeline({ userId: 77n, count: 10 }))]).toEqual([]);
  expect([...(await tbird.timeline({ userId: await owner(lost), count: 50 }))]).toContain(lost);
}, 60_000);

it('corrects the counts when rows of an index were deleted by hand', async () => {
  const { byUser } = tbird.graphs();
  const lost = ids[20]!;
  const { userId } = (await tbird.get(BigInt64Array.of(lost)))[0]!;
  for (const { shard } of tbird.gizzard.topology.route(byUser, userId).leaves) {
    const table = `\`${cluster.config.cluster}\`.\`${shard.id.tablePrefix}_edges\``;
    const { affectedRows } = await tbird.gizzard.mysql
      .host(shard.id.hostname)
      .run(`DELETE FROM ${table} WHERE source_id = ? AND destination_id = ?`, [userId, lost], Deadline.after(5_000));
    expect(affectedRows).toBe(1);
  }
  expect((await checkTweets(tbird, { repair: true })).repaired).toBe(1);
  await untilApplied(tbird.flock);
  expect(await tbird.flock.check(byUser)).toMatchObject({ faults: 0 });
});

it('finds copies of a tweet that differ', async () => {
  const other = ids[22]!;
  const { windowMs } = await tbird.windowSet.policy();
  const { leaves } = tbird.windowSet.route(other, windowMs)!;
  const { id } = leaves[1]!.shard;
  await tbird.gizzard.mysql
    .host(id.hostname)
    .run(
      `UPDATE ${tbird.tables.at(leaves[1]!.shard).sql} SET text = 'another' WHERE id = ?`,
      [other],
      Deadline.after(5_000),
    );
  expect((await checkTweets(tbird)).copies).toMatchObject([
    { shards: leaves.map(({ key }) => key), differences: [{ key: String(other) }] },
  ]);
});
