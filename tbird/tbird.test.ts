import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  composeSnowflake,
  Deadline,
  firstIdAt,
  isRoostError,
  snowflakeTimeMs,
  type RoostError,
} from '../core/index.js';
import { freshCluster } from '../test/support/index.js';
import { openTbird, tweetGraph, tweetsTableId, type Tbird, type TimelineRequest, type TweetDraft } from './index.js';

const cluster = freshCluster('tbird');
let tbird: Tbird;
const materialized = { acknowledgment: 'materialized' } as const;

const failure = async (work: Promise<unknown>): Promise<RoostError> => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isRoostError(error)) throw new Error(`expected a RoostError, got ${String(error)}`);
  return error;
};
const store = async (...drafts: TweetDraft[]): Promise<bigint[]> => [...(await tbird.create(drafts, materialized))];
const ids = (...values: bigint[]): BigInt64Array => BigInt64Array.from(values);
const timeline = async (userId: bigint, rest: object = {}): Promise<bigint[]> => [
  ...(await tbird.timeline({ userId, count: 100, ...rest })),
];
/** Follow-up jobs run after the write that brought them about. */
const settled = (read: () => Promise<unknown>) => expect.poll(read, { timeout: 10_000, interval: 20 });
let lastId = 0n;
const oldId = (): bigint => {
  lastId += 1n;
  return composeSnowflake({ timeMs: Date.UTC(2011, 9, 15, 5), worker: 3, sequence: 0 }) + lastId;
};

beforeAll(async () => {
  tbird = await openTbird(cluster.config, { create: true, work: true });
  await tbird.setup({ policy: { windowMs: 86_400_000, stripes: 3, replicas: 2 }, graphShards: 2 });
});
afterAll(() => tbird.close());

describe('a tweet', () => {
  it('gets an id of now, is found by it, and is in its author’s index', async () => {
    const before = Date.now();
    const [id] = await store({ userId: 1n, text: 'just setting up my twttr', flags: 7, extra: '{ "place": "sf" }' });
    expect(snowflakeTimeMs(id!)).toBeGreaterThanOrEqual(before);
    const [tweet] = await tbird.get(ids(id!));
    expect(tweet).toEqual({
      id,
      userId: 1n,
      text: 'just setting up my twttr',
      createdAtMs: snowflakeTimeMs(id!),
      replyToTweetId: undefined,
      replyToUserId: undefined,
      retweetOfId: undefined,
      flags: 7,
      extra: '{"place":"sf"}',
      deletedAt: undefined,
    });
    expect(await timeline(1n)).toEqual([id]);
  });

  it('keeps every character of every plane, in normal form', async () => {
    const [id] = await store({ userId: 2n, text: 'e\u0301 👩‍👩‍👧 "quoted" \\ \n\t 漢字 \u0000' });
    expect((await tbird.get(ids(id!)))[0]?.text).toBe('\u00e9 👩‍👩‍👧 "quoted" \\ \n\t 漢字 \u0000');
    const [full] = await store({ userId: 2n, text: '👍'.repeat(280) });
    expect((await tbird.get(ids(full!)))[0]?.text).toBe('👍'.repeat(280));
  });

  it('is read in the order asked for, with gaps for what is not there', async () => {
    const [a, b] = await store({ userId: 3n, text: 'a' }, { userId: 3n, text: 'b' });
    const found = await tbird.get(ids(b!, 12_345n, a!, b!, firstIdAt(Date.UTC(2012, 0, 1))));
    expect(found.map((tweet) => tweet?.text)).toEqual(['b', undefined, 'a', 'b', undefined]);
  });

  it('leaves and enters its index as it is deleted and undeleted', async () => {
    const [id] = await store({ userId: 4n, text: 'oops' });
    await tbird.delete(ids(id!), materialized);
    expect(await tbird.get(ids(id!))).toEqual([undefined]);
    expect((await tbird.get(ids(id!), { deleted: true }))[0]).toMatchObject({
      text: 'oops',
      deletedAt: expect.any(BigInt) as bigint,
    });
    await settled(() => timeline(4n)).toEqual([]);
    await tbird.undelete(ids(id!), materialized);
    expect((await tbird.get(ids(id!)))[0]?.text).toBe('oops');
    await settled(() => timeline(4n)).toEqual([id]);
  });

  it('stays deleted when its create comes after, or comes again', async () => {
    const id = oldId();
    await store({ id: oldId(), userId: 59n, text: 'its window is there' });
    await tbird.delete(ids(id), materialized);
    await store({ id, userId: 5n, text: 'late' });
    await store({ id, userId: 5n, text: 'late' });
    expect(await tbird.get(ids(id))).toEqual([undefined]);
    await settled(() => timeline(5n)).toEqual([]);
  });

  it('is stored once, however often it is created', async () => {
    const draft = { id: oldId(), userId: 6n, text: 'again' };
    await Promise.all(Array.from({ length: 10 }, () => store(draft, draft)));
    expect(await timeline(6n)).toEqual([draft.id]);
  });

  it('may be created again and again with ids that were reserved for it', async () => {
    const [first, second] = await tbird.reserveIds(2);
    const drafts = [
      { id: first!, userId: 7n, text: 'a' },
      { id: second!, userId: 7n, text: 'b' },
    ];
    for (let i = 0; i < 3; i++) expect(await store(...drafts)).toEqual([first, second]);
    expect(await timeline(7n)).toEqual([second, first]);
    const [other] = await tbird.reserveIds(1);
    await tbird.create([{ id: other!, userId: 7n, text: 'c' }]);
    expect((await failure(tbird.create([{ id: other!, userId: 7n, text: 'not c' }]))).code).toBe('AlreadyExists');
    expect((await failure(tbird.reserveIds(0))).code).toBe('InvalidArgument');
    expect((await failure(tbird.reserveIds(1_001))).code).toBe('InvalidArgument');
  });

  it('from before Snowflake keeps the time that comes with it', async () => {
    await store({
      id: 20n,
      userId: 12n,
      text: 'just setting up my twttr',
      createdAtMs: Date.UTC(2006, 2, 21, 20, 50, 14),
    });
    expect((await tbird.get(ids(20n)))[0]).toMatchObject({ createdAtMs: Date.UTC(2006, 2, 21, 20, 50, 14) });
    expect(await timeline(12n)).toEqual([20n]);
    expect((await failure(store({ id: 21n, userId: 12n, text: 'x' }))).message).toContain('created_at is needed');
  });
});

describe('what is refused', () => {
  it.each([
    ['no text', { text: '' }, 'the text is empty'],
    ['blanks', { text: ' \n ' }, 'the text is empty'],
    ['too long a text', { text: '👍'.repeat(281) }, '281 characters; a tweet holds 280'],
    ['half a pair', { text: 'a\ud800b' }, 'half of a surrogate pair'],
    ['user 0', { userId: 0n }, 'there is no user 0'],
    ['an extra that is no object', { extra: '[1]' }, 'must be an object'],
    ['an extra that is too large', { extra: JSON.stringify({ a: 'é'.repeat(2_050) }) }, 'bytes; a tweet holds 4096'],
    ['an id of the future', { id: firstIdAt(Date.now() + 60_000) }, 's from now'],
    [
      'a time that is not its id’s',
      { id: firstIdAt(Date.UTC(2011, 1, 1)), createdAtMs: Date.UTC(2011, 1, 2) },
      'disagrees with id',
    ],
    ['flags of 33 bits', { flags: 2 ** 32 }, 'flags are an integer'],
  ])('%s, and nothing of the call is stored', async (_, wrong, message) => {
    const good = { id: oldId(), userId: 50n, text: 'good' };
    const error = await failure(store(good, { userId: 50n, text: 'bad', ...wrong }));
    expect(error.code).toBe('InvalidArgument');
    expect(error.message).toContain(message);
    expect(await tbird.get(ids(good.id))).toEqual([undefined]);
    expect(await timeline(50n)).toEqual([]);
  });

  it('another content for an id, whether journaled, stored, or in the same call', async () => {
    const id = oldId();
    await tbird.create([{ id, userId: 51n, text: 'first' }]);
    const journaled = await failure(tbird.create([{ id, userId: 51n, text: 'second' }]));
    expect(journaled).toMatchObject({ code: 'AlreadyExists' });
    expect(journaled.fields['stored']).toContain('first');
    expect(journaled.fields['given']).toContain('second');
    await store({ id, userId: 51n, text: 'first' });
    const other = await openTbird(cluster.config);
    try {
      expect((await failure(other.create([{ id, userId: 52n, text: 'first' }]))).code).toBe('AlreadyExists');
    } finally {
      await other.close();
    }
    const twice = oldId();
    expect(
      (await failure(store({ id: twice, userId: 51n, text: 'a' }, { id: twice, userId: 51n, text: 'b' }))).code,
    ).toBe('AlreadyExists');
    expect(await tbird.get(ids(twice))).toEqual([undefined]);
    // What was refused left nothing behind that would refuse the right one.
    await store({ id: twice, userId: 51n, text: 'b' });
  });
});

describe('timelines', () => {
  const user = 100n;
  let plain: bigint[];
  let reply: bigint;
  let retweet: bigint;
  let original: bigint;
  beforeAll(async () => {
    [original] = (await store({ userId: 101n, text: 'to be answered' })) as [bigint];
    plain = await store(...Array.from({ length: 5 }, (_, i) => ({ userId: user, text: `tweet ${i}` })));
    [reply, retweet] = (await store(
      { userId: user, text: '@101 an answer', replyToTweetId: original, replyToUserId: 101n },
      { userId: user, text: 'RT', retweetOfId: original },
    )) as [bigint, bigint];
  });
  const newestFirst = (list: readonly bigint[]): bigint[] => [...list].sort((a, b) => (a > b ? -1 : 1));

  it('come newest first, with and without replies and retweets, also without the index', async () => {
    const cases: readonly (readonly [Partial<TimelineRequest>, readonly bigint[]])[] = [
      [{}, [...plain, reply, retweet]],
      [{ replies: false }, [...plain, retweet]],
      [{ retweets: false }, [...plain, reply]],
      [{ replies: false, retweets: false }, plain],
      [{ count: 2 }, [reply, retweet]],
      [{ beforeId: plain[2]! }, plain.slice(0, 2)],
      [{ afterId: plain[2]! }, [...plain.slice(3), reply, retweet]],
      [{ beforeId: plain[3]!, afterId: plain[1]! }, [plain[2]!]],
    ];
    for (const [request, expected] of cases) {
      expect(await timeline(user, request)).toEqual(newestFirst(expected));
      const scanned = await tbird.scan({ userId: user, count: 100, ...request });
      expect(scanned.tweets.map(({ id }) => id)).toEqual(newestFirst(expected));
    }
  });

  it('of replies and retweets begin at the tweet that they belong to', async () => {
    expect([...(await tbird.related('replies', { tweetId: original, count: 10 }))]).toEqual([reply]);
    expect([...(await tbird.related('retweets', { tweetId: original, count: 10 }))]).toEqual([retweet]);
    await tbird.delete(ids(reply, retweet), materialized);
    await settled(async () => [...(await tbird.related('replies', { tweetId: original, count: 10 }))]).toEqual([]);
    await settled(async () => [...(await tbird.related('retweets', { tweetId: original, count: 10 }))]).toEqual([]);
  });

  it('of mentions name users, and counts hold favorites, retweets and replies', async () => {
    const [id, other] = await store(
      { userId: 30n, text: 'hello @ann @bob', mentions: [31n, 32n, 31n] },
      { userId: 30n, text: 'x' },
    );
    await store({ userId: 31n, text: 'yes', replyToTweetId: id! }, { userId: 31n, text: 'rt', retweetOfId: id! });
    const [gone] = await store({ userId: 32n, text: 'no', replyToTweetId: id! });
    const favorites = tweetGraph(tbird.flock, 'favorites');
    const mark = (operations: 'add' | 'remove', ...users: bigint[]) => {
      const destinationIds = new BigInt64Array(users.length).fill(id!);
      return tbird.flock.write(
        { graphId: favorites, operations, sourceIds: ids(...users), destinationIds },
        materialized,
      );
    };
    await mark('add', 31n, 32n, 33n);
    await mark('remove', 33n);
    expect(await tbird.counts(ids(other!, id!))).toEqual([
      { favorites: 0n, retweets: 0n, replies: 0n },
      { favorites: 2n, retweets: 1n, replies: 2n },
    ]);
    await tbird.delete(ids(gone!), materialized);
    await settled(() => tbird.counts(ids(id!))).toEqual([{ favorites: 2n, retweets: 1n, replies: 1n }]);
    const named = {
      graphId: tweetGraph(tbird.flock, 'mentions'),
      sourceId: id!,
      direction: 'backward',
      states: ['normal'],
    } as const;
    const { ids: users } = await tbird.flock.select({ kind: 'term', term: named }, { count: 10, cursor: -1n });
    expect([...users].sort()).toEqual([31n, 32n]);
    const many = Array.from({ length: 11 }, (_, i) => BigInt(i + 1));
    expect(await failure(tbird.create([{ userId: 30n, text: 'all', mentions: many }]))).toMatchObject({
      code: 'InvalidArgument',
    });
  });

  it('without the index read windows from the newest on, and stop when there is enough', async () => {
    const days = [1, 2, 3, 4].map((day) =>
      composeSnowflake({ timeMs: Date.UTC(2012, 4, day, 12), worker: 1, sequence: 1 }),
    );
    await store(...days.map((id, i) => ({ id, userId: 102n, text: `day ${i}` })));
    const end = firstIdAt(Date.UTC(2012, 4, 5));
    const two = await tbird.scan({ userId: 102n, count: 2, beforeId: end });
    expect(two.tweets.map(({ text }) => text)).toEqual(['day 3', 'day 2']);
    expect(two).toMatchObject({ windowsRead: 2, tablesRead: 6 });
    expect(two.windows).toBeGreaterThanOrEqual(5);
    expect((await tbird.scan({ userId: 102n, count: 2, beforeId: end, afterId: days[2]! })).windowsRead).toBe(2);
    expect(await tbird.gizzard.metrics.registry.metrics()).toContain('roost_tweet_windows_read_count{kind="scan"}');
  });
});

it('each tweet is in one table, that of its window and stripe, on both replicas', async () => {
  const made = await store(...Array.from({ length: 60 }, (_, i) => ({ userId: 200n, text: `${i}` })));
  const { topology } = tbird.gizzard;
  const tables = new Map<string, number>();
  for (const id of made) {
    const { tweets } = await tbird.scan({ userId: 200n, count: 1, beforeId: id + 1n, afterId: id - 1n });
    expect(tweets.map((tweet) => tweet.id)).toEqual([id]);
    const route = tbird.windowSet.route(id, 86_400_000)!;
    tables.set(route.root.id.tablePrefix, (tables.get(route.root.id.tablePrefix) ?? 0) + 1);
    expect(route.leaves).toHaveLength(2);
  }
  expect(tables.size).toBe(3);
  expect(topology.covers(tweetsTableId)).toBe(true);
});

it('many are read while replicas of their tables fail, though no host has all of them', async () => {
  const made = await store(...Array.from({ length: 30 }, (_, i) => ({ userId: 201n, text: `${i}` })));
  const routes = [...new Set(made.map((id) => tbird.windowSet.route(id, 86_400_000)!))];
  expect(routes).toHaveLength(3);
  // Another replica of each of two stripes, on different hosts.
  const lost = ['db1', 'db2'].map((host, i) => {
    const { shard } = routes[i]!.leaves.find((leaf) => leaf.shard.id.hostname === host)!;
    return { host: tbird.gizzard.mysql.host(host), table: tbird.tables.at(shard).sql };
  });
  const rename = (suffixes: readonly [string, string]): Promise<unknown> =>
    Promise.all(
      lost.map(({ host, table }) =>
        host.run(
          `RENAME TABLE ${table.replace(/`$/, `${suffixes[0]}\``)} TO ${table.replace(/`$/, `${suffixes[1]}\``)}`,
          [],
          Deadline.after(5_000),
        ),
      ),
    );
  await rename(['', '_away']);
  try {
    for (let i = 0; i < 10; i++)
      expect((await tbird.get(BigInt64Array.from(made))).map((tweet) => tweet?.id)).toEqual(made);
  } finally {
    await rename(['_away', '']);
  }
});
