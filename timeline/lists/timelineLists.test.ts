import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import { silentLog } from '../../process/index.js';
import { KeySpaces, RedisHost } from '../../redis/index.js';
import { freshCluster } from '../../test/support/index.js';
import { keyBytes, keyOf, makeEntry, secondaryKeyCounts } from '../entry.js';
import { TimelineLists } from './timelineLists.js';

const { config } = freshCluster('lists');
const host = new RedisHost('r1', { host: config.redis.host, port: config.redis.port }, silentLog);
const spaces = new KeySpaces(config.cluster, 'timelines');
const limits = { keep: 8, trimPast: 10, ttlSeconds: 1_000 };
const deadline = Deadline.after(600_000);
const listsOf = (tablePrefix: string, of = limits) =>
  new TimelineLists(host, spaces, { id: { tablePrefix } }, of, deadline);
const lists = listsOf('a');
const redis = new Redis({ host: config.redis.host, port: config.redis.port });
const spaceOf = async (shard: string) => (await redis.hget(spaces.shards, shard))!;

afterAll(async () => {
  host.close();
  await redis.quit();
});

const entries = (...keys: number[]) => keys.map((key) => makeEntry(BigInt(key)));
async function keys(name: string): Promise<number[] | undefined> {
  const page = await lists.read(name, { limit: 100 });
  return page?.entries.map((entry) => Number(keyOf(entry)));
}

describe('push', () => {
  it('leaves timelines alone that were never stored', async () => {
    expect(await lists.push(makeEntry(1n), 'never:', [1n])).toBe(0);
    expect(await keys('never:1')).toBeUndefined();
  });

  it('adds an entry to an empty timeline, which is not a missing one', async () => {
    await lists.store('empty:1', []);
    expect(await keys('empty:1')).toEqual([]);
    expect(await lists.push(makeEntry(7n), 'empty:', [1n])).toBe(1);
    expect(await keys('empty:1')).toEqual([7]);
  });

  it('puts a late entry where it belongs, and takes none twice', async () => {
    await lists.store('late:1', entries(10, 20, 30));
    expect(await lists.push(makeEntry(15n), 'late:', [1n])).toBe(1);
    expect(await lists.push(makeEntry(15n), 'late:', [1n])).toBe(0);
    expect(await lists.push(makeEntry(30n), 'late:', [1n])).toBe(0);
    expect(await lists.push(makeEntry(5n), 'late:', [1n])).toBe(1);
    expect(await keys('late:1')).toEqual([30, 20, 15, 10, 5]);
  });

  it('orders keys beyond 2^53 exactly', async () => {
    const big = 2n ** 62n;
    await lists.store('big:1', [makeEntry(big), makeEntry(big + 2n)]);
    await lists.push(makeEntry(big + 1n), 'big:', [1n]);
    const page = await lists.read('big:1', { limit: 10 });
    expect(page?.entries.map(keyOf)).toEqual([big + 2n, big + 1n, big]);
  });

  it('trims a timeline to what is kept when it grows past the bound', async () => {
    await lists.store('trim:1', entries(1, 2, 3, 4, 5, 6, 7, 8));
    for (const key of [9, 10]) await lists.push(makeEntry(BigInt(key)), 'trim:', [1n]);
    expect(await keys('trim:1')).toHaveLength(10);
    await lists.push(makeEntry(11n), 'trim:', [1n]);
    expect(await keys('trim:1')).toEqual([11, 10, 9, 8, 7, 6, 5, 4]);
    expect(await lists.push(makeEntry(1n), 'trim:', [1n])).toBe(0);
  });

  it('reaches more timelines than one step can change', async () => {
    const ids = Array.from({ length: 2_500 }, (_, i) => BigInt(i));
    await Promise.all([0n, 1_400n, 2_499n].map((id) => lists.store(`many:${id}`, [])));
    expect(await lists.push(makeEntry(3n), 'many:', ids)).toBe(3);
  });
});

describe('deliver', () => {
  const by = (key: number, author: bigint) => Buffer.concat([makeEntry(BigInt(key)), keyBytes(author)]);
  const terms = (least: number, token = 7) => ({ at: 20, least, token, revive: false });
  const read = async (id: number, reads: number) => {
    for (let i = 0; i < reads; i++) await lists.read(`deliver:${id}`, { limit: 1, reading: true });
  };
  const pulled = async (id: number) => (await lists.read(`deliver:${id}`, { limit: 1 }))!.pulled;

  it('pushes where readers read often, and leaves the author to those who read rarely', async () => {
    for (const id of [1, 2, 3]) await lists.store(`deliver:${id}`, []);
    await read(1, 10);
    await read(2, 1);
    expect(await lists.deliver(by(1, 50n), 'deliver:', [1n, 2n, 3n, 4n], terms(4))).toEqual({
      pushed: 2,
      left: 1,
      fills: [],
    });
    expect([await keys('deliver:1'), await keys('deliver:2'), await keys('deliver:3')]).toEqual([[1], [], [1]]);
    expect([await pulled(1), await pulled(2), await pulled(3)]).toEqual([[], [50n], []]);
    // Another author is pushed all the same.
    await lists.deliver(by(2, 51n), 'deliver:', [2n], terms(0.1));
    expect([await keys('deliver:2'), await pulled(2)]).toEqual([[2], [50n]]);
  });

  it('changes its mind by a margin only, and pulls until the fill of its own token has come', async () => {
    await lists.store('deliver:5', []);
    await read(5, 3);
    await lists.deliver(by(1, 50n), 'deliver:', [5n], terms(10));
    expect((await lists.deliver(by(2, 50n), 'deliver:', [5n], terms(2.5))).left).toBe(1);
    expect(await lists.deliver(by(3, 50n), 'deliver:', [5n], terms(1, 9))).toEqual({
      pushed: 1,
      left: 0,
      fills: [{ id: 5n, token: 9 }],
    });
    // The fill is asked for once; again where the step is repeated, which may have been cut off before it was journaled.
    expect((await lists.deliver(by(4, 50n), 'deliver:', [5n], terms(1, 10))).fills).toEqual([]);
    expect((await lists.deliver(by(4, 50n), 'deliver:', [5n], terms(1, 11))).fills).toEqual([{ id: 5n, token: 9 }]);
    await lists.merge('deliver:5', [by(1, 50n)], { settles: { author: 50n, token: 8 } });
    expect(await pulled(5)).toEqual([50n]);
    await lists.merge('deliver:5', [by(1, 50n), by(2, 50n)], { settles: { author: 50n, token: 9 } });
    expect([await keys('deliver:5'), await pulled(5)]).toEqual([[4, 3, 2, 1], []]);
  });

  it('brings a removed entry back only if it restores', async () => {
    await lists.store('deliver:6', [by(1, 50n), by(2, 50n)]);
    await lists.remove(by(1, 50n), 'deliver:', [6n]);
    expect((await lists.deliver(by(1, 50n), 'deliver:', [6n], terms(0))).pushed).toBe(0);
    expect((await lists.deliver(by(1, 50n), 'deliver:', [6n], { ...terms(0), revive: true })).pushed).toBe(1);
    expect(await keys('deliver:6')).toEqual([2, 1]);
  });

  it('hands on to a copy which authors are pulled', async () => {
    const copy = listsOf('copied');
    const row = (await lists.row('deliver:2'))!;
    await copy.absorb({ ...row, pace: Buffer.alloc(0) });
    await copy.absorb(row);
    expect((await copy.read('deliver:2', { limit: 1 }))!.pulled).toEqual([50n]);
  });
});

describe('remove', () => {
  it('keeps an entry out that arrives after its removal', async () => {
    await lists.store('gone:1', entries(10, 30));
    expect(await lists.remove(makeEntry(20n), 'gone:', [1n, 2n])).toEqual({ held: 0, there: 1 });
    expect(await lists.push(makeEntry(20n), 'gone:', [1n])).toBe(0);
    expect(await lists.remove(makeEntry(10n), 'gone:', [1n])).toEqual({ held: 1, there: 1 });
    expect(await keys('gone:1')).toEqual([30]);
  });

  it('lets a merge bring an entry back', async () => {
    await lists.store('back:1', entries(10, 20));
    await lists.unmerge('back:1', [10n, 15n]);
    expect(await keys('back:1')).toEqual([20]);
    expect(await lists.merge('back:1', entries(10, 15))).toBe(2);
    expect(await keys('back:1')).toEqual([20, 15, 10]);
  });
});

describe('merge', () => {
  it('leaves a missing timeline alone', async () => {
    expect(await lists.merge('merge:0', entries(1))).toBeUndefined();
    expect(await lists.unmerge('merge:0', [1n])).toBeUndefined();
  });

  it('keeps when the timeline expires', async () => {
    await lists.store('merge:1', entries(1));
    const space = await spaceOf('a');
    await redis.expire(`${space}merge:1`, 50);
    await lists.merge('merge:1', entries(2, 2, 3));
    expect(await redis.ttl(`${space}merge:1`)).toBeLessThanOrEqual(50);
    expect(await keys('merge:1')).toEqual([3, 2, 1]);
    expect(await redis.ttl(`${space}merge:1`)).toBeGreaterThan(50);
  });

  it('lets one rebuild at a time, and another at once where the timeline was forgotten meanwhile', async () => {
    expect(await lists.lease('lease:1', 60_000)).toBe(true);
    expect(await lists.lease('lease:1', 60_000)).toBe(false);
    await lists.begin('lease:1');
    expect(await lists.delete('lease:1')).toBe(true);
    expect(await lists.lease('lease:1', 60_000)).toBe(true);
  });

  it('says how far a timeline that is being filled is complete', async () => {
    expect(await lists.begin('fill:1')).toBe(true);
    expect(await lists.begin('fill:1')).toBe(false);
    await lists.push(makeEntry(100n), 'fill:', [1n]);
    expect(await lists.read('fill:1', { limit: 5 })).toMatchObject({ through: undefined, end: true });
    await lists.merge('fill:1', entries(90, 80), { through: 80n });
    expect(await lists.read('fill:1', { limit: 5 })).toMatchObject({ through: 80n });
    await lists.merge('fill:1', entries(70), { through: 'all' });
    const page = await lists.read('fill:1', { limit: 5 });
    expect(page).toMatchObject({ through: 'all' });
    expect(page?.entries.map(keyOf)).toEqual([100n, 90n, 80n, 70n]);
  });
});

describe('the head of a list', () => {
  it('bounds what a timeline holds once it was trimmed, however few entries are left', async () => {
    await lists.store('head:1', entries(11, 12, 13, 14, 15, 16, 17, 18));
    expect(await lists.read('head:1', { limit: 9 })).toMatchObject({ end: true, whole: false });
    await lists.unmerge('head:1', [11n, 12n, 13n]);
    expect(await lists.merge('head:1', entries(5))).toBe(0);
    expect(await lists.push(makeEntry(5n), 'head:', [1n])).toBe(0);
    expect(await lists.floor('head:1')).toBe(11n);
  });

  it('rises to the key down to which all is given', async () => {
    await lists.store('head:2', entries(1, 9));
    expect(await lists.floor('head:2')).toBe('all');
    await lists.merge('head:2', entries(5, 7), { floor: 5n });
    expect(await keys('head:2')).toEqual([9, 7, 5]);
    await lists.merge('head:2', entries(8), { floor: 6n });
    expect(await keys('head:2')).toEqual([9, 8, 7]);
    expect(await lists.floor('head:2')).toBe(6n);
    expect(await lists.read('head:2', { limit: 9 })).toMatchObject({ end: true, whole: false });
  });

  it('replaces an older entry that says the same, and keeps a late older one beside it', async () => {
    const said = (key: number, what: number) => Buffer.concat([makeEntry(BigInt(key)), keyBytes(BigInt(what))]);
    await lists.store(
      'head:4',
      [1, 2, 3, 4, 5, 6, 7, 8].map((key) => said(key, key % 4)),
    );
    expect(await lists.supersede('head:4', 20, said(9, 1))).toBe(2);
    expect(await lists.supersede('head:4', 20, said(9, 1))).toBe(0);
    expect(await keys('head:4')).toEqual([9, 8, 7, 6, 4, 3, 2]);
    // What is below the head's key is not kept.
    expect(await lists.floor('head:4')).toBe(1n);
    expect(await lists.supersede('head:4', 20, said(0, 2))).toBe(0);
    expect(await lists.supersede('head:4', 20, said(5, 2))).toBe(1);
    expect(await keys('head:4')).toEqual([9, 8, 7, 6, 5, 4, 3]);
    expect(await lists.supersede('head:missing', 20, said(9, 1))).toBeUndefined();
  });

  it('stays where an author is taken out', async () => {
    const by = (key: number, author: number) => Buffer.concat([makeEntry(BigInt(key)), keyBytes(BigInt(author))]);
    await lists.store(
      'head:3',
      [1, 2, 3, 4, 5, 6, 7, 8].map((key) => by(key, key % 2)),
    );
    expect(await lists.withdraw('head:3', 20, keyBytes(1n))).toBe(4);
    expect(await keys('head:3')).toEqual([8, 6, 4, 2]);
    expect(await lists.floor('head:3')).toBe(1n);
  });
});

it('finds the older entries with the same secondary keys as those of a page', async () => {
  const again = (key: number, of: number) => makeEntry(BigInt(key), BigInt(of), secondaryKeyCounts);
  await lists.store('again:1', [again(1, 50), makeEntry(2n, 50n), again(3, 60), again(4, 50), again(5, 50)]);
  const older = async (limit: number) =>
    (await lists.read('again:1', { limit, older: true }))?.older.map((entry) => Number(keyOf(entry)));
  expect(await older(1)).toEqual([1, 4]);
  expect(await older(2)).toEqual([1]);
  expect(await older(5)).toEqual([]);
});

it('returns the entries between two keys', async () => {
  await lists.store('page:1', entries(1, 2, 3, 4, 5, 6));
  const page = async (bounds: { before?: bigint; since?: bigint; limit: number }) => {
    const read = (await lists.read('page:1', bounds))!;
    return [read.entries.map((entry) => Number(keyOf(entry))), read.end];
  };
  expect(await page({ limit: 2 })).toEqual([[6, 5], false]);
  expect(await page({ before: 5n, limit: 3 })).toEqual([[4, 3, 2], false]);
  expect(await page({ before: 3n, limit: 3 })).toEqual([[2, 1], true]);
  expect(await page({ since: 4n, limit: 10 })).toEqual([[6, 5], false]);
  expect(await page({ before: 6n, since: 3n, limit: 1 })).toEqual([[5], false]);
  expect(await page({ limit: 6 })).toEqual([[6, 5, 4, 3, 2, 1], true]);
});

it('lists the names of timelines, and forgets expired ones', async () => {
  const other = listsOf('b');
  for (const id of [1, 2, 3, 4]) await other.store(`n:${id}`, []);
  const space = await spaceOf('b');
  await redis.del(`${space}n:2`);
  expect(await other.names('', 2)).toEqual({ names: ['n:1'], next: 'n:2' });
  expect(await other.names('n:2', 3)).toEqual({ names: ['n:3', 'n:4'] });
  expect(await other.delete('n:3')).toBe(true);
  expect(await other.delete('n:3')).toBe(false);
  expect(await other.names('', 5)).toEqual({ names: ['n:1', 'n:4'] });
});

it('makes its shard anew in a Redis that came back empty, and not where it was taken away', async () => {
  const other = listsOf('c');
  await other.store('x', entries(1));
  await redis.hdel(spaces.shards, 'c');
  expect(await other.read('x', { limit: 1 })).toBeUndefined();
  expect(await spaces.setAside(host, { id: { tablePrefix: 'c' } }, 'c_dropped', deadline)).toBe(true);
  await expect(other.store('x', [])).rejects.toMatchObject({ code: 'FailedPrecondition' });
  expect(await spaces.bringBack(host, { id: { tablePrefix: 'c' } }, 'c_dropped', deadline)).toBe(true);
  await other.store('x', entries(2));
  await spaces.drop(host, { id: { tablePrefix: 'c' } }, deadline);
  await expect(other.read('x', { limit: 1 })).rejects.toMatchObject({ code: 'FailedPrecondition' });
});

it('takes over removals, missing entries and missing timelines from another replica', async () => {
  const [mine, theirs] = [listsOf('d'), listsOf('e')];
  await mine.store('x', entries(1, 2, 4));
  await theirs.store('x', entries(2, 3, 4));
  await theirs.unmerge('x', [4n]);
  await theirs.store('y', entries(5));
  for (const name of ['x', 'y']) await mine.absorb((await theirs.row(name))!);
  const kept = async (name: string) =>
    (await mine.read(name, { limit: 9 }))?.entries.map((entry) => Number(keyOf(entry)));
  expect(await kept('x')).toEqual([3, 2, 1]);
  expect(await kept('y')).toEqual([5]);
  expect(await mine.count()).toBe(2);
});

it('takes an entry that belongs near the head of the longest list, and loses none behind it', async () => {
  const longest = listsOf('a', { ...limits, keep: 10_000, trimPast: 20_000 });
  await longest.store(
    'longest:1',
    Array.from({ length: 9_500 }, (_, i) => makeEntry(BigInt(10 * i + 10))),
  );
  expect(await longest.push(makeEntry(15n), 'longest:', [1n])).toBe(1);
  const { stored } = (await longest.row('longest:1'))!;
  expect(stored).toHaveLength(9_502);
  expect(stored.slice(1, 4).map(keyOf)).toEqual([10n, 15n, 20n]);
  expect(keyOf(stored.at(-1)!)).toBe(95_000n);
});

it('holds the same entries, in whatever order and however often pushes and removals arrive', async () => {
  // Of several lengths of the end that a late entry is looked for in.
  const long = listsOf('a', { ...limits, keep: 100, trimPast: 100 });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 40, size: 'max' }),
      fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 10 }),
      fc.integer(),
      async (pushed, removed, seed) => {
        const name = `order:${++run}`;
        await long.store(name, []);
        const deeds = [
          ...[...pushed, ...pushed].map((key) => () => long.push(makeEntry(BigInt(key)), 'order:', [BigInt(run)])),
          ...removed.map((key) => () => long.remove(makeEntry(BigInt(key)), 'order:', [BigInt(run)])),
        ];
        for (const deed of fc.sample(fc.shuffledSubarray(deeds, { minLength: deeds.length }), { numRuns: 1, seed })[0]!)
          await deed();
        expect(await keys(name)).toEqual(pushed.filter((key) => !removed.includes(key)).sort((a, b) => b - a));
      },
    ),
    { numRuns: 40 },
  );
});
