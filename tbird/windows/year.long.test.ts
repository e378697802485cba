import { afterAll, beforeAll, expect, it } from 'vitest';
import { composeSnowflake } from '../../core/index.js';
import { freshCluster } from '../../test/support/index.js';
import { openTbird, type Tbird } from '../index.js';

// A year of hourly windows with real tables, rolled by stepping time: by the hour at first, then by half a day.

const hourMs = 3_600_000;
const hours = 8_760;
const startMs = Date.UTC(2025, 0, 1);
const cluster = freshCluster('year');
let nowMs = startMs;
const clocks = { journalMs: async () => nowMs, databaseMs: async () => nowMs };
let tbird: Tbird;

beforeAll(async () => {
  tbird = await openTbird(cluster.config, { create: true, clocks });
  await tbird.gizzard.start({ work: true });
  await tbird.setup({ policy: { windowMs: hourMs, stripes: 1, replicas: 1, aheadMs: 12 * hourMs }, graphShards: 1 });
});
afterAll(() => tbird.close());

it('rolls, finds tweets of every month, and reads no more for one of the last hour than with one window', async () => {
  const written: bigint[] = [];
  for (let hour = 0; hour < hours; hour += hour < 48 ? 1 : 12) {
    nowMs = startMs + hour * hourMs;
    await tbird.roll();
    if (hour % 720 !== 0) continue;
    const id = composeSnowflake({ timeMs: nowMs, worker: 1, sequence: 0 });
    await tbird.create([{ id, userId: 1n, text: `hour ${hour}` }], {
      acknowledgment: 'materialized',
      deadlineMs: 60_000,
    });
    written.push(id);
  }
  const windows = await tbird.windows();
  expect(windows.length).toBeGreaterThanOrEqual(hours);
  for (const [i, window] of windows.entries()) expect(window.startMs).toBe(startMs + i * hourMs);
  expect((await tbird.get(BigInt64Array.from(written))).every((tweet) => tweet !== undefined)).toBe(true);
  expect([...(await tbird.timeline({ userId: 1n, count: 100 }))]).toEqual([...written].reverse());
  const last = composeSnowflake({ timeMs: nowMs, worker: 2, sequence: 0 });
  await tbird.create([{ id: last, userId: 2n, text: 'now' }], { acknowledgment: 'materialized', deadlineMs: 60_000 });
  expect(await tbird.scan({ userId: 2n, count: 1 })).toMatchObject({ windowsRead: 1, tablesRead: 1 });
}, 1_800_000);
