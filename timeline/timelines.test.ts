import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deadline } from '../core/index.js';
import { startPlayground, type Playground } from '../playground/index.js';
import { type ClusterConfigInput, clusterSchema } from '../test/clusterConfig.js';
import type { RedisHost } from '../redis/index.js';
import type { HomeRequest } from '../wire/index.js';
import { keyOf, makeEntry, secondaryKeyCounts } from './entry.js';
import { encodeTimelineWrite, timelineJobKind } from './jobs/timelinePayload.js';
import { PageTweets } from './pages/pageTweets.js';
import type { TimelineService } from './timelineService.js';
import { openTimelines } from './timelineStore.js';

const dir = mkdtempSync(join(tmpdir(), 'roost-timelines-'));
let playground: Playground;
let service: TimelineService & { close(): Promise<void> };

beforeAll(async () => {
  playground = await startPlayground({ dir: join(dir, 'p'), databaseHosts: 2, redisServers: 3, caches: 1 });
  const given = JSON.parse(readFileSync(playground.configPath, 'utf8')) as ClusterConfigInput;
  const [, tl1, tl2] = playground.redisServers;
  const config = clusterSchema.parse({
    ...given,
    timeline: { hosts: { tl1, tl2 }, keep: 20, trimPast: 24 },
    cache: { tweets: true, graphs: true, deadlineMs: 1_000 },
  });
  service = await openTimelines(config, { work: true, create: true });
  const graph = { shards: 2, replicas: 2 };
  for (const name of ['follows', 'blocks', 'retweets_off']) await service.flock.createGraph(name, graph);
  await service.tbird.setup({ policy: { replicas: 2 }, graphShards: 2 });
  await service.setup({ shards: 4, replicas: 2 });
}, 120_000);

afterAll(async () => {
  await service.close();
  await playground.stop();
  rmSync(dir, { recursive: true, force: true });
});

const ids = (...numbers: number[]) => BigInt64Array.from(numbers, BigInt);
const materialized = { acknowledgment: 'materialized' } as const;

const tweet = async (userId: bigint, more: object = {}) =>
  (await service.tbird.create([{ userId, text: `by ${userId}`, ...more }], materialized))[0]!;
const edges = async (graph: string, operations: 'add' | 'remove', source: bigint, ...destinations: bigint[]) =>
  service.flock.write(
    {
      graphId: service.flock.graph(graph).id,
      operations,
      sourceIds: new BigInt64Array(destinations.length).fill(source),
      destinationIds: BigInt64Array.from(destinations),
    },
    materialized,
  );

describe('timelines by name', () => {
  const keysOf = (entries: readonly Buffer[] | undefined) => entries?.map((entry) => Number(keyOf(entry)));
  const all = { offset: 0, length: 0 };

  it('appends to those that were stored, on all replicas', async () => {
    const { timelines } = service;
    for (const id of [1, 2, 3]) await timelines.store(`raw:${id}`, [makeEntry(10n)]);
    await timelines.append(makeEntry(20n), 'raw:', ids(1, 2, 3, 4), materialized);
    for (let look = 0; look < 8; look++) {
      expect(keysOf((await timelines.get('raw:2', all))?.entries)).toEqual([20, 10]);
    }
    expect(await timelines.get('raw:4', all)).toBeUndefined();
    await timelines.remove(makeEntry(10n), 'raw:', ids(1, 2), materialized);
    expect(await timelines.get('raw:1', all)).toEqual({ entries: [makeEntry(20n)], size: 1 });
    expect(keysOf((await timelines.get('raw:3', all))?.entries)).toEqual([20, 10]);
  });

  it('takes a length as a length, and finds nothing below the oldest entry', async () => {
    const { timelines } = service;
    await timelines.store(
      'span',
      [1, 2, 3, 4, 5, 6].map((key) => makeEntry(BigInt(key))),
    );
    expect(keysOf((await timelines.get('span', { offset: 2, length: 3 }))?.entries)).toEqual([4, 3, 2]);
    expect(keysOf((await timelines.range('span', { from: 2n, to: 5n }))?.entries)).toEqual([4, 3]);
    expect(keysOf((await timelines.range('span', { from: 0n, to: 1n }))?.entries)).toEqual([]);
    expect(await timelines.get('span', { offset: 5, length: 5 })).toMatchObject({ size: 6 });
  });

  it('finds entries by either key, and merges timelines into one another', async () => {
    const { timelines } = service;
    await timelines.store('from', [makeEntry(1n), makeEntry(5n, 1n, secondaryKeyCounts), makeEntry(6n, 1n)]);
    expect(keysOf(await timelines.filter('from', [1n], -1))).toEqual([5, 1]);
    expect(keysOf(await timelines.filter('from', [1n], 1))).toEqual([]);
    await timelines.store('to', [makeEntry(3n)]);
    expect(await timelines.transfer('merge', 'to', 'missing')).toBe(false);
    expect(await timelines.transfer('merge', 'to', 'from', materialized)).toBe(true);
    expect(keysOf((await timelines.get('to', all))?.entries)).toEqual([6, 5, 3, 1]);
    await timelines.transfer('unmerge', 'to', 'from', materialized);
    expect(keysOf((await timelines.get('to', all))?.entries)).toEqual([3]);
    await timelines.delete('to', materialized);
    expect(await timelines.get('to', all)).toBeUndefined();
  });
});

/** A page of ids, each with its fragment. */
const tweetsOf = async (kind: 'home' | 'user' | 'mentions', userId: bigint, more: Partial<HomeRequest> = {}) => {
  const tweets = new PageTweets(service.tbird, 'short');
  const { entries, partial } = await service[kind].page({ userId, count: 10, ...more }, {}, tweets);
  expect(partial).toBe(false);
  return entries.map(({ tweetId }) => {
    expect(JSON.parse(String(tweets.fragment(tweetId)))).toMatchObject({ id: String(tweetId) });
    return tweetId;
  });
};

describe('home timelines', () => {
  const home = (userId: bigint, more: Partial<HomeRequest> = {}) => tweetsOf('home', userId, more);
  it('has the tweets of those who are followed: those of before, and those that come', async () => {
    const old = await tweet(12n);
    await edges('follows', 'add', 11n, 12n, 13n);
    expect(await home(11n)).toEqual([old]);
    const [a, b, own] = [await tweet(12n), await tweet(13n), await tweet(11n)];
    await tweet(14n);
    await expect.poll(() => home(11n)).toEqual([own, b, a, old]);
    expect(await home(11n, { sinceId: a })).toEqual([own, b]);
    expect(await home(11n, { beforeId: b })).toEqual([a, old]);
  });

  it('shows no more of an author from the next read on after an unfollow, a block or a deletion', async () => {
    await edges('follows', 'add', 21n, 22n, 23n, 24n);
    const [a, b, c] = [await tweet(22n), await tweet(23n), await tweet(24n)];
    await expect.poll(() => home(21n)).toEqual([c, b, a]);
    await edges('follows', 'remove', 21n, 22n);
    expect(await home(21n)).toEqual([c, b]);
    await edges('blocks', 'add', 23n, 21n);
    expect(await home(21n)).toEqual([c]);
    await service.tbird.delete(BigInt64Array.of(c), materialized);
    expect(await home(21n)).toEqual([]);
    await service.tbird.undelete(BigInt64Array.of(c), materialized);
    // Only what takes entries away holds from the next read on: a delivery brings them back.
    await expect.poll(() => home(21n)).toEqual([c]);
    await edges('follows', 'add', 21n, 22n);
    await expect.poll(() => home(21n)).toEqual([c, a]);
  });

  it('brings replies to those who follow both, and retweets to those who want them', async () => {
    await edges('follows', 'add', 31n, 32n, 33n);
    await edges('follows', 'add', 34n, 32n);
    await edges('retweets_off', 'add', 34n, 32n);
    for (const reader of [31n, 34n]) expect(await home(reader)).toEqual([]);
    const plain = await tweet(32n);
    const reply = await tweet(32n, { replyToUserId: 33n, replyToTweetId: 1n });
    const retweet = await tweet(32n, { retweetOfId: 1n });
    await expect.poll(() => home(31n)).toEqual([retweet, reply, plain]);
    await expect.poll(() => home(34n)).toEqual([plain]);
  });

  it('goes on behind the kept entries from the authors, with the same cursor', async () => {
    await edges('follows', 'add', 41n, 42n, 43n);
    await home(41n);
    const made: bigint[] = [];
    for (let i = 0; i < 35; i++) made.push(await tweet(i % 3 === 0 ? 43n : 42n));
    made.reverse();
    await expect.poll(() => home(41n)).toEqual(made.slice(0, 10));
    const seen: bigint[] = [];
    for (;;) {
      const beforeId = seen.at(-1);
      const page = await home(41n, { count: 7, ...(beforeId !== undefined && { beforeId }) });
      seen.push(...page);
      if (page.length < 7) break;
    }
    expect(seen).toEqual(made);
  });

  it('gets back many tweets that are undeleted at once, on every replica', async () => {
    await edges('follows', 'add', 45n, 46n);
    await home(45n);
    const made: bigint[] = [];
    for (let i = 0; i < 15; i++) made.unshift(await tweet(46n));
    const kept = async () => {
      const page = await service.timelines.page('home:45', { limit: 100 });
      return page!.entries.map(keyOf);
    };
    await expect.poll(kept).toEqual(made);
    await service.tbird.delete(BigInt64Array.from(made), materialized);
    for (let look = 0; look < 4; look++) await expect.poll(kept).toEqual([]);
    await service.tbird.undelete(BigInt64Array.from(made), materialized);
    for (let look = 0; look < 4; look++) await expect.poll(kept).toEqual(made);
  });

  it('is rebuilt when all of its Redis servers have come back empty', async () => {
    await edges('follows', 'add', 51n, 52n);
    await home(51n);
    const made = [await tweet(52n), await tweet(52n)].reverse();
    await expect.poll(() => home(51n)).toEqual(made);
    const hosts = ['tl1', 'tl2'].map((name) => service.gizzard.hosts.host(name) as RedisHost);
    await Promise.all(hosts.map((host) => host.run(Deadline.after(5_000), (redis) => redis.flushall())));
    expect(await home(51n)).toEqual(made);
    const more = await tweet(52n);
    await expect.poll(() => home(51n)).toEqual([more, ...made]);
  });

  it('is rebuilt where whoever began that did not come to journal the rest', async () => {
    await edges('follows', 'add', 61n, 62n);
    const made = await tweet(62n);
    const begun = { kind: timelineJobKind, payload: encodeTimelineWrite({ op: 'begin', name: 'home:61' }) };
    await service.gizzard.jobs.append([begun], {
      priority: 'high',
      waitUntilApplied: true,
      deadline: Deadline.after(5_000),
    });
    expect(await home(61n)).toEqual([made]);
  });
});

describe('timelines of one’s own', () => {
  const newestActivity = async (userId: bigint, more: object = {}) => {
    const { entries, partial } = await service.activity.page({ userId, count: 10, ...more });
    expect(partial).toBe(false);
    return entries.map(({ kind, actorId, tweetId }) => `${kind} ${actorId} ${tweetId ?? ''}`);
  };
  /** In any order: tweets get their ids, and edges their times, from two clocks, which are a moment apart. */
  const activity = async (userId: bigint) => new Set(await newestActivity(userId));
  const forget = async () => {
    const hosts = ['tl1', 'tl2'].map((name) => service.gizzard.hosts.host(name) as RedisHost);
    await Promise.all(hosts.map((host) => host.run(Deadline.after(5_000), (redis) => redis.flushall())));
  };

  it('has an author’s tweets and retweets, as they come and from the index, page by page', async () => {
    const old = [await tweet(61n), await tweet(61n, { retweetOfId: 1n })];
    expect(await tweetsOf('user', 61n)).toEqual([...old].reverse());
    const made = [...old];
    for (let i = 0; i < 25; i++) made.push(await tweet(61n));
    made.reverse();
    await expect.poll(() => tweetsOf('user', 61n)).toEqual(made.slice(0, 10));
    expect(await tweetsOf('user', 61n, { beforeId: made[9]! })).toEqual(made.slice(10, 20));
    expect(await tweetsOf('user', 61n, { beforeId: made[19]! })).toEqual(made.slice(20));
    await service.tbird.delete(BigInt64Array.of(made[0]!, made[26]!), materialized);
    expect(await tweetsOf('user', 61n)).toEqual(made.slice(1, 11));
    expect(await tweetsOf('user', 61n, { beforeId: made[19]! })).toEqual(made.slice(20, 26));
  });

  it('has the tweets that name a user, but for those of blocked ones', async () => {
    const old = await tweet(72n, { mentions: [71n] });
    expect(await tweetsOf('mentions', 71n)).toEqual([old]);
    const [a, b] = [await tweet(73n, { mentions: [71n, 74n] }), await tweet(72n, { mentions: [71n] })];
    await expect.poll(() => tweetsOf('mentions', 71n)).toEqual([b, a, old]);
    await edges('blocks', 'add', 71n, 72n);
    expect(await tweetsOf('mentions', 71n)).toEqual([a]);
    await service.tbird.delete(BigInt64Array.of(a), materialized);
    expect(await tweetsOf('mentions', 71n)).toEqual([]);
    await edges('blocks', 'remove', 71n, 72n);
    await expect.poll(() => tweetsOf('mentions', 71n)).toEqual([b, old]);
  });

  it('has what happened to a user and their tweets, once each, as it comes and from the graphs', async () => {
    const mine = await tweet(81n);
    await edges('follows', 'add', 82n, 81n);
    const followed = 'followed 82 ';
    expect(await activity(81n)).toEqual(new Set([followed]));
    await edges('tweet_favorites', 'add', 82n, mine);
    await edges('tweet_favorites', 'add', 81n, mine);
    // It names whom it answers: one activity.
    const reply = await tweet(82n, { replyToTweetId: mine, mentions: [81n] });
    await tweet(83n, { retweetOfId: mine });
    await tweet(83n, { mentions: [81n] });
    const [mentioned, retweeted] = ['mentioned 83 ', `retweeted 83 ${mine}`];
    const [replied, favorited] = [`replied 82 ${mine}`, `favorited 82 ${mine}`];
    const all = new Set([mentioned, retweeted, replied, favorited, followed]);
    await expect.poll(() => activity(81n)).toEqual(all);
    await forget();
    expect(await activity(81n)).toEqual(all);
    const ordered = await newestActivity(81n);
    expect(ordered).toHaveLength(5);
    const { nextBeforeId } = await service.activity.page({ userId: 81n, count: 2 });
    expect(await newestActivity(81n, { beforeId: nextBeforeId })).toEqual(ordered.slice(2));
    await edges('tweet_favorites', 'remove', 82n, mine);
    await service.tbird.delete(BigInt64Array.of(reply), materialized);
    expect(await activity(81n)).toEqual(new Set([mentioned, retweeted, followed]));
    // Again, and later.
    await edges('tweet_favorites', 'add', 82n, mine);
    await edges('follows', 'remove', 82n, 81n);
    await expect.poll(() => activity(81n)).toEqual(new Set([favorited, mentioned, retweeted]));
    await edges('blocks', 'add', 83n, 81n);
    expect(await activity(81n)).toEqual(new Set([favorited]));
    await service.tbird.delete(BigInt64Array.of(mine), materialized);
    expect(await activity(81n)).toEqual(new Set());
    await service.tbird.undelete(BigInt64Array.of(mine), materialized);
    await edges('blocks', 'remove', 83n, 81n);
    // The restored tweet has the timeline made anew by its delivery, which may be tried again.
    await expect.poll(() => activity(81n), { timeout: 20_000 }).toEqual(new Set([favorited, mentioned, retweeted]));
  });

  it('goes on behind the kept activity from the graphs', async () => {
    const mine = [await tweet(91n), await tweet(91n)];
    const made: bigint[] = [];
    for (let i = 0; i < 40; i++) {
      const actor = 9_100n + BigInt(i);
      if (i % 4 === 0) await tweet(actor, { replyToTweetId: mine[i % 2] });
      else if (i % 4 === 1) await edges('follows', 'add', actor, 91n);
      else await edges('tweet_favorites', 'add', actor, mine[i % 2]!);
      made.push(actor);
    }
    // Ids of tweets and times of edges are of two clocks, which are a moment apart.
    const read = async () => {
      const found: { readonly id: bigint; readonly actorId: bigint }[] = [];
      for (let beforeId: bigint | undefined; ;) {
        const page = await service.activity.page({ userId: 91n, count: 7, ...(beforeId && { beforeId }) });
        found.push(...page.entries);
        beforeId = page.nextBeforeId;
        if (beforeId === undefined) break;
      }
      expect(found.every(({ id }, i) => i === 0 || id < found[i - 1]!.id)).toBe(true);
      return found.map(({ actorId }) => actorId).sort();
    };
    await expect.poll(read).toEqual(made);
    await edges('tweet_favorites', 'add', 9_200n, mine[0]!);
    await expect.poll(read).toEqual([...made, 9_200n]);
  });
});
