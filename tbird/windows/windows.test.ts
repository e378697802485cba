import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ShardDatabase } from '../../mysql/index.js';
import { composeSnowflake, Deadline, firstIdAt, isRoostError } from '../../core/index.js';
import { FlockTables } from '../../flock/storage/flockTables.js';
import { readByPosition } from '../../flock/storage/readEdges.js';
import { freshCluster } from '../../test/support/index.js';
import { openTbird, routingKey, tweetsTableId, windowOf, type Tbird } from '../index.js';
import { firstKeptId } from './windowMap.js';

const hourMs = 3_600_000;
const startMs = Date.UTC(2026, 0, 1);
const cluster = freshCluster('windows');
let nowMs = startMs;
const clocks = { journalMs: async () => nowMs, databaseMs: async () => nowMs };
/** Two servers; each rolls when it is told to. */
let tbird: Tbird;
let other: Tbird;
const materialized = { acknowledgment: 'materialized' } as const;
const hours = async (of: Tbird = tbird): Promise<number[]> =>
  (await of.windows()).map(({ startMs: at }) => (at - startMs) / hourMs);
const idAt = (timeMs: number, sequence = 0): bigint => composeSnowflake({ timeMs, worker: 9, sequence });
const tablesOn = async (host: string): Promise<string[]> => {
  const rows = await tbird.gizzard.mysql
    .host(host)
    .rows(
      `SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_name LIKE 'tweets\\_2%'`,
      [cluster.config.cluster],
      Deadline.after(5_000),
    );
  return rows.map(([name]) => String(name));
};

beforeAll(async () => {
  tbird = await openTbird(cluster.config, { create: true, clocks });
  other = await openTbird(cluster.config, { clocks });
  // Works on the journal without rolling by itself.
  await tbird.gizzard.start({ work: true });
});
afterAll(() => Promise.all([tbird.close(), other.close()]));

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  return isRoostError(error) ? `${error.code}: ${error.message}` : 'nothing thrown';
};

it('tweets are refused, with what to do, before they are set up', async () => {
  expect(await codeOf(tbird.create([{ userId: 1n, text: 'x' }]))).toContain(
    'FailedPrecondition: tweets are not set up in this cluster: `roost tweets setup`',
  );
});

/** Rows of the authors' index that the database steps through for a page of 20 from a position on, in the three states of tweets. */
async function entriesLookedAt(userId: bigint, minPosition: bigint): Promise<number> {
  const route = tbird.gizzard.topology.route(tbird.graphs().byUser, userId);
  const { shard } = route.leaves[0]!;
  const deadline = Deadline.after(10_000);
  return tbird.gizzard.mysql.host(shard.id.hostname).transaction(deadline, async (session) => {
    const steps = async (): Promise<number> =>
      (
        await session.rows(
          `SHOW SESSION STATUS WHERE Variable_name IN ('Handler_read_next', 'Handler_read_prev')`,
          [],
          deadline,
        )
      ).reduce((sum, [, value]) => sum + Number(value), 0);
    const before = await steps();
    await readByPosition(
      session,
      new FlockTables(new ShardDatabase(cluster.config.cluster)).at(shard),
      { sourceId: userId, minPosition },
      [0, 1, 2],
      undefined,
      { older: true, inclusive: false },
      20,
      deadline,
    );
    return (await steps()) - before;
  });
}

describe('a policy', () => {
  it.each([
    [{ stripes: 0 }, 'stripes'],
    [{ windowMs: 1_500 }, 'windowMs'],
    [{ replicas: 3 }, '3 replicas need as many hosts'],
    [{ openHosts: ['nowhere'] }, 'names nowhere, which is no database host'],
    [{ closedHosts: ['db1', 'db1'] }, 'names a host twice'],
  ])('%j is refused, and nothing is set up', async (policy, message) => {
    expect(await codeOf(tbird.setup({ policy }))).toContain(`InvalidArgument: the window policy: `);
    expect(await codeOf(tbird.setup({ policy }))).toContain(message);
    expect(tbird.gizzard.topology.tables).toEqual([]);
  });
});

describe('windows', () => {
  beforeAll(async () => {
    await tbird.setup({
      policy: {
        windowMs: hourMs,
        stripes: 2,
        replicas: 1,
        aheadMs: hourMs / 2,
        openHosts: ['db1'],
        closedHosts: ['db2'],
      },
      graphShards: 1,
    });
  });

  it('are made ahead of time, once, by whoever is first', async () => {
    expect(await hours()).toEqual([0]);
    nowMs = startMs + hourMs / 2;
    await tbird.create([{ id: idAt(startMs + 20), userId: 11n, text: 'to be moved' }], materialized);
    const reports = await Promise.all([tbird.roll(), other.roll(), other.roll(), tbird.roll()]);
    expect(reports.flatMap(({ made }) => made)).toEqual([startMs + hourMs]);
    await tbird.gizzard.nameServer.reload();
    expect(await hours()).toEqual([0, 1]);
    expect((await tbird.windows()).map(({ phase }) => phase)).toEqual(['open', 'ahead']);
    expect(await tablesOn('db1')).toHaveLength(4);
  });

  it('have no gap behind them through which an id could fall into the one before', async () => {
    const { topology } = tbird.gizzard;
    const inGap = idAt(startMs + 5 * hourMs);
    expect(tbird.windowSet.route(inGap, hourMs)).toBeUndefined();
    const route = topology.route(tweetsTableId, routingKey(inGap, hourMs));
    expect(route.writable).toEqual([]);
    expect(route.denied).toHaveLength(1);
    expect(await tbird.get(BigInt64Array.of(inGap))).toEqual([undefined]);
    expect(await codeOf(tbird.create([{ id: inGap, userId: 1n, text: 'too early' }]))).toContain('s from now');
  });

  it('are made for now after any downtime, and a window of the past when a tweet for it comes', async () => {
    nowMs = startMs + 1_000 * hourMs;
    await other.roll();
    await tbird.gizzard.nameServer.reload();
    expect(await hours()).toEqual([0, 1, 1_000]);
    const late = idAt(startMs + 500 * hourMs, 1);
    await tbird.create([{ id: late, userId: 7n, text: 'late' }], materialized);
    expect(await hours()).toEqual([0, 1, 500, 1_000]);
    expect((await tbird.get(BigInt64Array.of(late)))[0]?.text).toBe('late');
    expect((await tbird.windows()).slice(2).map(({ hosts }) => hosts.join())).toEqual(['db2', 'db1']);
    // Neighbors of the new window are still missing.
    expect(tbird.windowSet.route(idAt(startMs + 499 * hourMs), hourMs)).toBeUndefined();
    expect(tbird.windowSet.route(idAt(startMs + 501 * hourMs), hourMs)).toBeUndefined();
  });

  it('move to the hosts of closed ones when they are over, with every tweet, while they are written', async () => {
    // Earlier windows are over: this roll, or the one before, has started their way.
    await tbird.roll();
    await expect
      .poll(async () => (await tbird.gizzard.migrations.list({ active: true })).length, {
        timeout: 50_000,
        interval: 100,
      })
      .toBe(0);
    await tbird.gizzard.nameServer.reload();
    expect((await tbird.windows()).map(({ hosts }) => hosts.join())).toEqual(['db2', 'db2', 'db2', 'db1']);
    expect((await tablesOn('db1')).every((name) => name.startsWith('tweets_20260211T'))).toBe(true);
    expect((await tbird.get(BigInt64Array.of(idAt(startMs + 20))))[0]?.text).toBe('to be moved');
    expect((await tbird.roll()).moving).toBe(0);
  }, 60_000);

  it('of the past are refused where the policy says so', async () => {
    await tbird.setup({ policy: { catchUp: false } });
    const late = idAt(startMs + 600 * hourMs, 1);
    expect(await codeOf(tbird.create([{ id: late, userId: 7n, text: 'late' }]))).toContain(
      'FailedPrecondition: there is no window for tweets of 2026-01-26',
    );
    expect([...(await tbird.timeline({ userId: 7n, count: 10 }))]).not.toContain(late);
    await tbird.setup({ policy: { catchUp: true } });
  });

  it('keep their length, and may differ in their stripes', async () => {
    expect(await codeOf(tbird.setup({ policy: { windowMs: 2 * hourMs } }))).toContain(
      'FailedPrecondition: windows are 3600000 ms long and stay so: others of 7200000 ms would overlap',
    );
    await tbird.setup({ policy: { stripes: 5 } });
    nowMs += hourMs;
    await tbird.roll();
    expect((await tbird.windows()).map(({ stripes }) => stripes)).toEqual([2, 2, 2, 2, 5]);
    const written = Array.from({ length: 100 }, (_, i) => idAt(nowMs - i, i));
    await tbird.create(
      written.map((id) => ({ id, userId: 8n, text: 'spread' })),
      materialized,
    );
    expect((await tbird.get(BigInt64Array.from(written))).filter((tweet) => tweet !== undefined)).toHaveLength(100);
    const roots = new Set(
      written
        .filter((id) => windowOf(id, hourMs).startMs === nowMs)
        .map((id) => tbird.windowSet.route(id, hourMs)!.root.id.tablePrefix),
    );
    expect(roots.size).toBeLessThanOrEqual(5);
  });

  it('go with their tables when they are past the retention, also those that a killed roll left behind', async () => {
    await tbird.create(
      [
        { id: idAt(startMs + 500 * hourMs, 2), userId: 9n, text: 'old' },
        { id: idAt(nowMs - 1, 5), userId: 9n, text: 'new' },
      ],
      materialized,
    );
    await tbird.create(
      Array.from({ length: 500 }, (_, i) => ({
        id: idAt(startMs + 500 * hourMs, 100 + i),
        userId: 19n,
        text: `old ${i}`,
      })),
      materialized,
    );
    // A write that waits for a window which an operator has made read-only comes to its end with the window.
    const waiting = idAt(startMs + 500 * hourMs, 2);
    const {
      baseId,
      route: { root },
    } = tbird.gizzard.topology.locate(tweetsTableId, routingKey(waiting, hourMs));
    const readOnly = { hostname: 'localhost', tablePrefix: 'wrapper' };
    await tbird.gizzard.apply([
      {
        kind: 'createShard',
        shard: { id: readOnly, type: 'readOnly', attributes: {}, busy: 'normal' },
      },
      { kind: 'addLink', link: { parent: readOnly, child: root.id, weight: 1 } },
      { kind: 'setForwarding', forwarding: { tableId: tweetsTableId, baseId, shard: readOnly } },
    ]);
    await tbird.delete(BigInt64Array.of(waiting));
    await expect.poll(async () => (await tbird.flock.journal()).failing, { timeout: 10_000 }).toBe(1);
    await tbird.setup({ policy: { retentionMs: 100 * hourMs }, dropAll: true });
    expect(await hours()).toEqual([1_000, 1_001]);
    await expect.poll(async () => (await tbird.flock.journal()).failing, { timeout: 10_000 }).toBe(0);
    expect(tbird.gizzard.topology.hasShard(readOnly)).toBe(false);
    const left = [...(await tablesOn('db1')), ...(await tablesOn('db2'))];
    expect(left.every((name) => name.startsWith('tweets_20260211T'))).toBe(true);
    expect(await tbird.get(BigInt64Array.of(idAt(startMs + 500 * hourMs, 2)))).toEqual([undefined]);
    expect([...(await tbird.timeline({ userId: 9n, count: 10 }))]).toEqual([idAt(nowMs - 1, 5)]);
    expect(await codeOf(tbird.create([{ id: idAt(startMs + 500 * hourMs, 3), userId: 9n, text: 'old' }]))).toContain(
      'InvalidArgument: tweets of 2026-01-21T20:00:00.000Z',
    );
    // The entries of dropped windows lie outside what a timeline reads: a user who has none but these costs no more than one who has none.
    expect([...(await tbird.timeline({ userId: 19n, count: 20 }))]).toEqual([]);
    expect(await entriesLookedAt(19n, 0n)).toBeGreaterThan(15);
    expect(await entriesLookedAt(19n, firstKeptId(tbird.gizzard.topology))).toBeLessThanOrEqual(3);
    // A table without a shard, as a roll leaves it that ends between the two.
    await tbird.gizzard.mysql
      .host('db2')
      .run(
        `CREATE TABLE \`${cluster.config.cluster}\`.tweets_20260101T000000_000_tweets (id BIGINT)`,
        [],
        Deadline.after(5_000),
      );
    await other.roll();
    expect(await tablesOn('db2')).toEqual([]);
  });

  it('answer for the first id of all and the first of each, whatever the order in which they were made', async () => {
    await tbird.setup({ policy: { retentionMs: null } });
    for (const timeMs of [
      Date.UTC(2012, 0, 1, 1),
      Date.UTC(2012, 0, 1, 0),
      Date.UTC(2012, 0, 1, 2),
      Date.UTC(2010, 10, 4, 1, 50),
    ]) {
      const id = firstIdAt(timeMs);
      await tbird.create([{ id, userId: 10n, text: 'edge' }], materialized);
      expect(
        windowOf(BigInt(tbird.gizzard.topology.locate(tweetsTableId, routingKey(id, hourMs)).baseId), hourMs).startMs,
      ).toBe(windowOf(id, hourMs).startMs);
    }
    expect((await tbird.get(BigInt64Array.of(firstIdAt(Date.UTC(2012, 0, 1, 1)))))[0]?.text).toBe('edge');
    expect(tbird.gizzard.topology.covers(tweetsTableId)).toBe(true);
  });
});
