import { afterAll, beforeAll, expect, it } from 'vitest';
import { composeSnowflake, Deadline } from '../../core/index.js';
import { freshCluster } from '../../test/support/index.js';
import { openTbird, type Tbird } from '../index.js';

const hourMs = 3_600_000;
const startMs = Date.UTC(2026, 0, 1);
const cluster = freshCluster('retention');
let journalMs = startMs;
let databaseMs = startMs;
const clocks = { journalMs: async () => journalMs, databaseMs: async () => databaseMs };
/** Two servers; each rolls when it is told to, and looks for a newer topology when it must. */
let tbird: Tbird;
let other: Tbird;
const materialized = { acknowledgment: 'materialized' } as const;
const idAt = (timeMs: number, sequence = 0): bigint => composeSnowflake({ timeMs, worker: 9, sequence });
const idIn = (hour: number): bigint => idAt(startMs + hour * hourMs + 1, hour);
const ids = (...list: bigint[]): BigInt64Array => BigInt64Array.from(list);
const at = (ms: number): void => {
  journalMs = ms;
  databaseMs = ms;
};
const hours = async (): Promise<number[]> => {
  await tbird.gizzard.nameServer.reload();
  return (await tbird.windows()).map((window) => (window.startMs - startMs) / hourMs);
};
const hoursOf = (starts: readonly number[]): number[] => starts.map((ms) => (ms - startMs) / hourMs);
const tables = async (): Promise<number> => {
  const counts = await Promise.all(
    ['db1', 'db2'].map((name) =>
      tbird.gizzard.mysql
        .host(name)
        .rows(
          `SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = ? AND table_name LIKE 'tweets\\_2%'`,
          [cluster.config.cluster],
          Deadline.after(5_000),
        ),
    ),
  );
  return counts.reduce((sum, [row]) => sum + Number(row![0]), 0);
};
const timeline = async (): Promise<bigint[]> => [...(await tbird.timeline({ userId: 1n, count: 20 }))];

beforeAll(async () => {
  const config = { ...cluster.config, nameServer: { ...cluster.config.nameServer, reloadSeconds: 3_600 } };
  tbird = await openTbird(config, { create: true, clocks });
  await tbird.setup({ policy: { windowMs: hourMs, stripes: 2, replicas: 2, aheadMs: 60_000 }, graphShards: 1 });
  other = await openTbird(config, { clocks });
  await Promise.all([tbird, other].map((one) => one.gizzard.start({ work: true })));
  for (let hour = 0; hour < 8; hour++) {
    at(startMs + hour * hourMs + 10_000);
    await tbird.roll();
    await tbird.create([{ id: idIn(hour), userId: 1n, text: `hour ${hour}` }], materialized);
  }
});
afterAll(() => Promise.all([tbird.close(), other.close()]));

it('a tweet of a window that was made through another server a moment ago is found', async () => {
  const late = idAt(startMs - 500 * hourMs, 1);
  expect(await other.get(ids(late))).toEqual([undefined]);
  await tbird.create([{ id: late, userId: 2n, text: 'late' }], materialized);
  expect((await other.get(ids(late)))[0]?.text).toBe('late');
});

it('deleting what nobody made makes no windows, and says so', async () => {
  const before = [await hours(), await tables()];
  for (const change of ['delete', 'undelete'] as const) {
    await expect(tbird[change](ids(idAt(startMs - 1_000 * hourMs), idIn(3)))).rejects.toMatchObject({
      code: 'NotFound',
    });
    await expect(
      other[change](BigInt64Array.from({ length: 200 }, (_, i) => idAt(startMs - (2_000 + i) * hourMs))),
    ).rejects.toMatchObject({ code: 'NotFound' });
  }
  expect([await hours(), await tables()]).toEqual(before);
  expect((await tbird.get(ids(idIn(3))))[0]?.text).toBe('hour 3');
});

it('one wrong clock drops nothing: neither that of the journal nor that of the database', async () => {
  await tbird.windowSet.setPolicy({ retentionMs: 1_000 * hourMs });
  const nowMs = journalMs;
  const before = await hours();
  for (const wrong of ['journal', 'database']) {
    at(nowMs);
    if (wrong === 'journal') journalMs += 2_000 * hourMs;
    else databaseMs += 2_000 * hourMs;
    for (const all of [false, true]) {
      const { dropped, clocksApartMs } = await other.roll({ all });
      expect(dropped).toEqual([]);
      expect(Math.abs(clocksApartMs!)).toBeGreaterThan(1_999 * hourMs);
    }
    expect(await hours()).toEqual(expect.arrayContaining(before));
  }
  at(nowMs);
});

it('one roll drops a small share, the oldest first, and the next ones no more until an hour has passed; asked for, all go', async () => {
  const window = (await hours())[0]!;
  expect(hoursOf((await tbird.windowSet.planDrops({ retentionMs: 4 * hourMs })).map((one) => one.startMs))).toEqual([
    window,
    0,
    1,
    2,
  ]);
  await tbird.windowSet.setPolicy({ retentionMs: 4 * hourMs });
  const first = await tbird.roll();
  expect(hoursOf(first.dropped)).toEqual([window]);
  expect(hoursOf(first.heldBack)).toEqual([0, 1, 2]);
  expect(hoursOf((await other.roll()).dropped)).toEqual([]);
  at(journalMs + hourMs);
  expect(hoursOf((await other.roll()).dropped)).toEqual([0]);
  expect(hoursOf((await other.roll({ all: true })).dropped)).toEqual([1, 2, 3]);
  expect(await hours()).not.toContain(3);
  expect(await timeline()).toEqual([7, 6, 5, 4].map(idIn));
});

it('a window that was dropped is listed and comes back with its tweets, and stays until it is released', async () => {
  const listed = (await other.droppedWindows()).find((window) => window.startMs === startMs + 2 * hourMs)!;
  expect(listed).toMatchObject({ endMs: startMs + 3 * hourMs, tables: 4, back: false });
  expect(listed.keptUntilMs - listed.droppedAtMs).toBe(7 * 24 * hourMs);
  expect(await tbird.get(ids(idIn(2)))).toEqual([undefined]);
  const before = await tables();
  await other.windowSet.undrop(startMs + 2 * hourMs + 5);
  expect(await tables()).toBe(before + 4);
  await tbird.gizzard.nameServer.reload();
  expect((await tbird.get(ids(idIn(1), idIn(2), idIn(3)))).map((tweet) => tweet?.text)).toEqual([
    undefined,
    'hour 2',
    undefined,
  ]);
  expect(await timeline()).toContain(idIn(2));
  await tbird.delete(ids(idIn(2)), materialized);
  await tbird.undelete(ids(idIn(2)), materialized);
  // No roll drops it, also not one that drops all.
  await tbird.roll({ all: true });
  expect(await hours()).toContain(2);
  expect((await tbird.droppedWindows()).find(({ back }) => back)?.startMs).toBe(startMs + 2 * hourMs);
  await expect(tbird.windowSet.undrop(startMs + 2 * hourMs)).rejects.toMatchObject({ code: 'FailedPrecondition' });
  await tbird.windowSet.release(startMs + 2 * hourMs);
  expect(hoursOf((await tbird.roll({ all: true })).dropped)).toEqual([2]);
  expect(await tables()).toBe(before);
});

it('a window that was made anew meanwhile is not replaced, and one that was never dropped cannot come back', async () => {
  await tbird.windowSet.setPolicy({ retentionMs: null });
  await tbird.create([{ id: idAt(startMs + hourMs + 2, 77), userId: 3n, text: 'anew' }], materialized);
  await expect(tbird.windowSet.undrop(startMs + hourMs)).rejects.toMatchObject({
    code: 'FailedPrecondition',
    message: expect.stringContaining('made anew') as string,
  });
  expect((await tbird.get(ids(idAt(startMs + hourMs + 2, 77))))[0]?.text).toBe('anew');
  await expect(tbird.windowSet.undrop(startMs - 7_000 * hourMs)).rejects.toMatchObject({ code: 'NotFound' });
  // One whose neighbors are gone, and which no retention holds any more: nothing has to be released.
  await tbird.windowSet.undrop(startMs + 3 * hourMs);
  await tbird.roll();
  expect((await tbird.get(ids(idIn(3))))[0]?.text).toBe('hour 3');
  expect((await tbird.droppedWindows()).some(({ back }) => back)).toBe(false);
});
