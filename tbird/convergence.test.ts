import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { composeSnowflake, Deadline } from '../core/index.js';
import type { NewJob } from '../gizzard/index.js';
import { freshCluster } from '../test/support/index.js';
import { openTbird, tweetsTableId, type Tbird } from './index.js';
import { encodeTweets, tweetJobKind } from './jobs/tweetPayload.js';
import { tweetsTable } from './storage/tweetTable.js';
import { IndexWrites } from './tweetIndex.js';
import { createdRecord, deleted, live, mergeTweets, type TweetRecord } from './tweetRecord.js';

const cluster = freshCluster('tweet_order');
const windowMs = 86_400_000;
const dayMs = Date.UTC(2020, 0, 1);
let tbird: Tbird;
/** A second process's worth of workers on the same journal, so that transactions really meet on the same rows. */
let rival: Tbird;
const cases = 100;
const tweetsPerCase = 3;
let nextCase = 0;

interface Write {
  kind: 'create' | 'delete' | 'undelete';
  tweet: number;
  /** Of a create: which content. They share authors and tweets that they reply to in every way, so that an entry of one may be another's too. */
  variant: number;
  /** Of a create: when it was accepted, in microseconds from the tweet's own time. */
  accepted: number;
  /** Of a deletion or its undoing: milliseconds from the tweet's own time. Few values, so that ties are common. */
  time: number;
}

beforeAll(async () => {
  tbird = await openTbird(cluster.config, { create: true, work: true });
  await tbird.setup({ policy: { windowMs, stripes: 2, replicas: 2 }, graphShards: 2 });
  rival = await openTbird(cluster.config, { work: true });
  await tbird.windowSet.ensure(
    [composeSnowflake({ timeMs: dayMs, worker: 0, sequence: 0 })],
    'create',
    Deadline.after(10_000),
  );
  await rival.gizzard.nameServer.reload();
});
afterAll(() => Promise.all([tbird.close(), rival.close()]));

/** Numbers within a room: users 1 and 2, tweets 5 and 7 that are replied to, and 6 that is retweeted. */
const variants: readonly { readonly user: number; readonly replyTo?: number; readonly retweetOf?: number }[] = [
  { user: 1 },
  { user: 2 },
  { user: 1, replyTo: 5 },
  { user: 1, retweetOf: 6 },
  { user: 2, replyTo: 5 },
  { user: 1, replyTo: 7 },
  { user: 2, replyTo: 7, retweetOf: 6 },
  { user: 1 },
];

const arbitraryWrite: fc.Arbitrary<Write> = fc.record({
  kind: fc.constantFrom('create', 'create', 'delete', 'undelete'),
  tweet: fc.integer({ min: 0, max: tweetsPerCase - 1 }),
  // Three contents and more for one id are common.
  variant: fc.nat({ max: variants.length - 1 }),
  accepted: fc.nat({ max: 2 }),
  time: fc.integer({ min: -1, max: 3 }),
});

/** Ids of a case, in a room of its own, so that the tables need no emptying. */
const idOf = (room: number, tweet: number): bigint =>
  composeSnowflake({ timeMs: dayMs + room, worker: 0, sequence: tweet });

function recordOf(room: number, { kind, tweet, variant, accepted, time }: Write): TweetRecord {
  const id = idOf(room, tweet);
  const at = BigInt(dayMs + room) * 1_000n;
  if (kind !== 'create')
    return {
      id,
      written: undefined,
      losers: [],
      state: kind === 'delete' ? deleted : live,
      stateAt: at + BigInt(time) * 1_000n,
    };
  const { user, replyTo, retweetOf } = variants[variant]!;
  const inRoom = (number: number | undefined): bigint | undefined =>
    number === undefined ? undefined : BigInt(room * 10 + number);
  const content = {
    id,
    userId: inRoom(user)!,
    text: `variant ${variant}`,
    createdAtMs: dayMs + room,
    replyToTweetId: inRoom(replyTo),
    replyToUserId: undefined,
    retweetOfId: inRoom(retweetOf),
    flags: 0,
    extra: undefined,
  };
  return createdRecord({ content, writtenAt: at + BigInt(accepted) });
}

/** As `Tbird` journals it: the tweets and the edges that they bring. */
async function deliver(room: number, writes: readonly Write[]): Promise<void> {
  const graphs = tbird.graphs();
  const records = writes.map((write) => recordOf(room, write));
  const index = new IndexWrites(graphs);
  for (const record of records) index.follow(record);
  const creations = records.flatMap(({ written }) => written ?? []);
  const states = records
    .filter(({ written }) => written === undefined)
    .map(({ id, state, stateAt }) => ({ id, state, time: stateAt, notBefore: 0n }));
  const jobs: NewJob[] = [
    { kind: tweetJobKind, ...encodeTweets({ tableId: tweetsTableId, windowMs, graphs }, creations, states) },
    ...index.jobs(),
  ];
  await tbird.gizzard.jobs.append(jobs, { priority: 'high', waitUntilApplied: true, deadline: Deadline.after(20_000) });
}

async function untilEmpty(): Promise<void> {
  await expect
    .poll(
      async () => {
        const { queued, failing, bad } = await tbird.flock.journal();
        return queued.high + failing + bad;
      },
      { timeout: 20_000, interval: 2 },
    )
    .toBe(0);
}

/** Rows of a case on each replica, without what tells rooms apart. */
async function rows(room: number): Promise<unknown[]> {
  const all: unknown[] = [];
  for (let tweet = 0; tweet < tweetsPerCase; tweet++) {
    const id = idOf(room, tweet);
    const replicas = await Promise.all(
      tbird.windowSet
        .route(id, windowMs)!
        .leaves.map(async ({ shard }) =>
          tbird.gizzard.mysql
            .host(shard.id.hostname)
            .rows(
              `SELECT user_id - ?, text, state, state_at - ?, written_at - ?, JSON_LENGTH(losers) FROM ${tweetsTable.in(cluster.config.cluster).at(shard).sql} WHERE id = ?`,
              [room * 10, BigInt(dayMs + room) * 1_000n, BigInt(dayMs + room) * 1_000n, id],
              Deadline.after(5_000),
            ),
        ),
    );
    all.push(replicas);
  }
  return all;
}

const index = async (room: number): Promise<object> => {
  const list = async (read: Promise<BigInt64Array>): Promise<number[]> =>
    [...(await read)].map((id) => Number(id & 4_095n));
  const own = (userId: bigint, rest: object): Promise<number[]> => list(tbird.timeline({ userId, count: 10, ...rest }));
  const users = await Promise.all(
    [1, 2].flatMap((user) =>
      [{}, { replies: false }, { retweets: false }].map((rest) => own(BigInt(room * 10 + user), rest)),
    ),
  );
  return {
    users,
    replies: await Promise.all(
      [5, 7].map((tweet) => list(tbird.related('replies', { tweetId: BigInt(room * 10 + tweet), count: 10 }))),
    ),
    retweets: await list(tbird.related('retweets', { tweetId: BigInt(room * 10 + 6), count: 10 })),
  };
};

/** What the rows say that the index must hold. */
function expectedIndex(room: number, writes: readonly Write[]): object {
  const merged = Array.from({ length: tweetsPerCase }, (_, tweet) =>
    writes.filter((write) => write.tweet === tweet).map((write) => recordOf(room, write)),
  )
    .filter((records) => records.length > 0)
    .map((records) => records.reduce(mergeTweets))
    .filter((record) => record.written !== undefined && record.state === live)
    .map(({ id, written }) => ({ number: Number(id & 4_095n), ...written!.content }))
    .sort((a, b) => b.number - a.number);
  const numbers = (wanted: (tweet: (typeof merged)[number]) => boolean): number[] =>
    merged.filter(wanted).map(({ number }) => number);
  return {
    users: [1, 2].flatMap((user) =>
      [
        () => true,
        (tweet: (typeof merged)[number]) => tweet.replyToTweetId === undefined || tweet.retweetOfId !== undefined,
        (tweet: (typeof merged)[number]) => tweet.retweetOfId === undefined,
      ].map((keeps) => numbers((tweet) => tweet.userId === BigInt(room * 10 + user) && keeps(tweet))),
    ),
    replies: [5, 7].map((replied) => numbers((tweet) => tweet.replyToTweetId === BigInt(room * 10 + replied))),
    retweets: numbers((tweet) => tweet.retweetOfId !== undefined),
  };
}

it('ends in the same rows and the same index whatever the order, the duplicates and the batches in which writes arrive', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(arbitraryWrite, { minLength: 1, maxLength: 8 }),
      fc.infiniteStream(fc.nat()),
      async (writes, randoms) => {
        const [first, second] = [nextCase * 2 + 1, nextCase * 2 + 2];
        nextCase++;
        const random = (below: number): number => (randoms.next().value as number) % below;
        await deliver(first, writes);

        const again = [...writes, ...writes.filter(() => random(2) === 0)];
        for (let i = again.length - 1; i > 0; i--) {
          const j = random(i + 1);
          [again[i], again[j]] = [again[j]!, again[i]!];
        }
        const deliveries: Promise<void>[] = [];
        while (again.length > 0) {
          deliveries.push(deliver(second, again.splice(0, 1 + random(4))));
          if (random(2) === 0) await Promise.all(deliveries);
        }
        await Promise.all(deliveries);
        await untilEmpty();

        const [one, other] = [await rows(first), await rows(second)];
        expect(other).toEqual(one);
        for (const replicas of one as unknown[][]) expect(replicas[1]).toEqual(replicas[0]);
        expect(await index(first)).toEqual(expectedIndex(first, writes));
        expect(await index(second)).toEqual(expectedIndex(second, writes));
      },
    ),
    { numRuns: cases },
  );
}, 120_000);
