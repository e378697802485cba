import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCaches, type Caches } from '../../cache/index.js';
import { composeSnowflake, Deadline } from '../../core/index.js';
import { untilApplied } from '../../test/flock/untilApplied.js';
import { freshCluster } from '../../test/support/index.js';
import { openTbird, type Tbird } from '../index.js';
import { tweetsTable } from '../storage/tweetTable.js';

const { config } = freshCluster('cachedtweets', { cache: { tweets: true, deadlineMs: 1_000, listIds: 20 } });
const materialized = { acknowledgment: 'materialized' } as const;
let caches: Caches;
/** Works on the journal; the other one only reads and writes. */
let tbird: Tbird;
let elsewhere: Tbird;

const ids = (...values: bigint[]): BigInt64Array => BigInt64Array.from(values);
const timeline = async (userId: bigint, rest: object = {}): Promise<bigint[]> => [
  ...(await elsewhere.timeline({ userId, count: 10, ...rest })),
];

/** Statements that hosts were asked meanwhile, by servers that share nothing with the ones under test but the databases. */
async function withoutDatabases<T>(work: () => Promise<T>): Promise<T> {
  const { gizzard } = elsewhere;
  const read = gizzard.read.bind(gizzard);
  gizzard.read = () => Promise.reject(new Error('a database was asked'));
  try {
    return await work();
  } finally {
    gizzard.read = read;
  }
}

beforeAll(async () => {
  tbird = await openTbird(config, { create: true, work: true });
  await tbird.setup({ policy: { windowMs: 86_400_000, stripes: 2, replicas: 2 }, graphShards: 2 });
  caches = await openCaches(config);
  elsewhere = await openTbird(config, { caches });
});
afterAll(async () => {
  await tbird.close();
  await elsewhere.close();
  await caches.close();
});

describe('a cached tweet', () => {
  it('is read from the cache once written, without a read of a database', async () => {
    const [id] = await tbird.create([{ userId: 1n, text: 'hello' }], materialized);
    expect((await withoutDatabases(() => elsewhere.get(ids(id!))))[0]?.text).toBe('hello');
    await tbird.delete(ids(id!), materialized);
    expect(await withoutDatabases(() => elsewhere.get(ids(id!)))).toEqual([undefined]);
    expect((await withoutDatabases(() => elsewhere.get(ids(id!), { deleted: true })))[0]?.text).toBe('hello');
    await tbird.undelete(ids(id!), materialized);
    expect((await withoutDatabases(() => elsewhere.get(ids(id!))))[0]?.text).toBe('hello');
  });

  it('is recorded as absent until it exists', async () => {
    const id = composeSnowflake({ timeMs: Date.now() - 5_000, worker: 5, sequence: 1 });
    expect(await elsewhere.get(ids(id))).toEqual([undefined]);
    expect(await withoutDatabases(() => elsewhere.get(ids(id)))).toEqual([undefined]);
    // A deletion that comes first leaves a row without content.
    await tbird.delete(ids(id), { ...materialized, time: 5n });
    expect(await withoutDatabases(() => elsewhere.get(ids(id)))).toEqual([undefined]);
    await tbird.create([{ id, userId: 1n, text: 'here after all' }], materialized);
    expect((await withoutDatabases(() => elsewhere.get(ids(id))))[0]?.text).toBe('here after all');
  });

  it('keeps what each replica knew, where they got the halves of it in different orders', async () => {
    const id = composeSnowflake({ timeMs: Date.now() - 5_000, worker: 5, sequence: 2 });
    const route = tbird.windowSet.route(id, 86_400_000)!;
    const [first, second] = route.leaves;
    const apply = async (leaf: typeof first, record: Parameters<typeof writer>[2][number]): Promise<unknown> =>
      writer(
        tbird.gizzard.mysql.host(leaf!.shard.id.hostname),
        tweetsTable.in(config.cluster).at(leaf!.shard).sql,
        [record],
        Deadline.after(5_000),
        leaf!,
      );
    const writer = tbird.caches!.applyTweets;
    await elsewhere.get(ids(id));
    const content = {
      id,
      userId: 1n,
      text: 'half',
      createdAtMs: 1,
      replyToTweetId: undefined,
      replyToUserId: undefined,
      retweetOfId: undefined,
      flags: 0,
      extra: undefined,
    };
    await apply(first, { id, written: { content, writtenAt: 1n }, losers: [], state: 0, stateAt: 1n });
    await apply(second, { id, written: undefined, losers: [], state: 1, stateAt: 9n });
    expect((await elsewhere.get(ids(id), { deleted: true }))[0]).toMatchObject({ text: 'half', deletedAt: 9n });
  });
});

describe('a cached timeline', () => {
  it('takes new tweets in front, and loses those that are deleted', async () => {
    const first = [
      ...(await tbird.create(
        [
          { userId: 2n, text: 'a' },
          { userId: 2n, text: 'b', replyToUserId: 9n },
        ],
        materialized,
      )),
    ];
    expect(await timeline(2n)).toEqual(first.toReversed());
    const [retweet] = await tbird.create([{ userId: 2n, text: 'c', retweetOfId: 7n }], materialized);
    expect(await withoutDatabases(() => timeline(2n))).toEqual([retweet, first[1], first[0]]);
    expect(await withoutDatabases(() => timeline(2n, { replies: false }))).toEqual([retweet, first[0]]);
    expect(await withoutDatabases(() => timeline(2n, { retweets: false }))).toEqual([first[1], first[0]]);
    expect(await withoutDatabases(() => timeline(2n, { beforeId: retweet }))).toEqual([first[1], first[0]]);
    await tbird.delete(ids(first[0]!), materialized);
    await expect.poll(() => timeline(2n), { timeout: 10_000, interval: 20 }).toEqual([retweet, first[1]]);
  });

  it('continues in the databases past its end', async () => {
    const made = [
      ...(await tbird.create(
        Array.from({ length: 50 }, (_, i) => ({ userId: 3n, text: `${i}` })),
        materialized,
      )),
    ].toReversed();
    await timeline(3n);
    expect(await withoutDatabases(() => timeline(3n))).toEqual(made.slice(0, 10));
    expect(await withoutDatabases(() => timeline(3n, { beforeId: made[8] }))).toEqual(made.slice(9, 19));
    await expect(withoutDatabases(() => timeline(3n, { beforeId: made[15] }))).rejects.toThrow('a database was asked');
    expect(await timeline(3n, { beforeId: made[15] })).toEqual(made.slice(16, 26));
    expect(await timeline(3n, { count: 50 })).toEqual(made);
  });
});

describe('fragments', () => {
  const texts = (fragments: readonly (Buffer | undefined)[]): unknown[] =>
    fragments.map((fragment) => fragment && (JSON.parse(fragment.toString()) as unknown));

  it('are encoded once, and again after a write', async () => {
    const [first, second] = [
      ...(await tbird.create(
        [
          { userId: 4n, text: 'one', extra: '{"a":[1]}' },
          { userId: 4n, text: 'two', replyToUserId: 8n },
        ],
        materialized,
      )),
    ];
    const json = [
      {
        id: String(second),
        user_id: '4',
        text: 'two',
        created_at: expect.any(String) as string,
        reply_to_user_id: '8',
        flags: 0,
      },
      {
        id: String(first),
        user_id: '4',
        text: 'one',
        created_at: expect.any(String) as string,
        flags: 0,
        extra: { a: [1] },
      },
    ];
    expect(texts(await elsewhere.timelineFragments('json', { userId: 4n, count: 10 }))).toEqual(json);
    expect(texts(await elsewhere.fragments('short', ids(first!, 77n)))).toEqual([
      { id: String(first), user_id: '4', text: 'one' },
      undefined,
    ]);
    // The same as without a cache.
    const uncached = await openTbird(config);
    expect(texts(await uncached.timelineFragments('json', { userId: 4n, count: 10 }))).toEqual(json);
    await uncached.close();
    const { rows } = elsewhere.caches!;
    const read = rows.get.bind(rows);
    // Whole fragments need no row, cached or not.
    rows.get = () => Promise.reject(new Error('a row was asked for'));
    try {
      expect(
        texts(await withoutDatabases(() => elsewhere.timelineFragments('json', { userId: 4n, count: 10 }))),
      ).toEqual(json);
    } finally {
      rows.get = read;
    }
    await tbird.delete(ids(second!), materialized);
    expect(texts(await withoutDatabases(() => elsewhere.fragments('json', ids(second!, first!))))).toEqual([
      undefined,
      json[1],
    ]);
    await tbird.undelete(ids(second!), materialized);
    expect(texts(await elsewhere.fragments('json', ids(second!)))).toEqual([json[0]]);
    await expect(elsewhere.fragments('xml', ids(first!))).rejects.toMatchObject({ code: 'InvalidArgument' });
  });
});

it('a read after a repair returns the repaired rows, not the cached ones', async () => {
  const [id] = await tbird.create([{ userId: 5n, text: 'on both replicas' }], materialized);
  await untilApplied(tbird.flock);
  const { leaves } = tbird.windowSet.route(id!, 86_400_000)!;
  const { shard } = leaves[0]!;
  await tbird.gizzard.mysql
    .host(shard.id.hostname)
    .run(`DELETE FROM ${tweetsTable.in(config.cluster).at(shard).sql} WHERE id = ?`, [id!], Deadline.after(5_000));
  const { rows } = elsewhere.caches!;
  // Which replica a load asks is left to chance.
  for (let tries = 0; (await elsewhere.get(ids(id!)))[0] !== undefined; tries++) {
    if (tries > 200) throw new Error('the replica without the row was never asked');
    await rows.invalidate([id!]);
  }
  expect(await elsewhere.fragments('short', ids(id!))).toEqual([undefined]);
  const move = await tbird.gizzard.moves.request(
    'repair',
    leaves.map((leaf) => leaf.shard.id),
  );
  await tbird.gizzard.moves.finished(move, AbortSignal.timeout(20_000));
  expect((await elsewhere.get(ids(id!)))[0]?.text).toBe('on both replicas');
  expect((await elsewhere.fragments('short', ids(id!)))[0]?.toString()).toContain('on both replicas');
});
