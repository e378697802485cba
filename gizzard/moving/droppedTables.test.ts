import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import { openFlock, type Flock } from '../../flock/index.js';
import { freshCluster } from '../../test/support/index.js';
import type { ShardInfo } from '../topology/types.js';

const { config } = freshCluster('dropped');
const [db1 = ''] = Object.keys(config.databaseHosts);
const weekMs = 7 * 86_400_000;
// As long as a prefix may be: the names of the tables that are set aside must fit all the same.
const shard: ShardInfo = {
  id: { hostname: db1, tablePrefix: `long_${'x'.repeat(49)}` },
  type: 'flock',
  attributes: { sourceType: 'INT UNSIGNED' },
  busy: 'normal',
};
let flock: Flock;

beforeAll(async () => {
  flock = await openFlock(config, { create: true });
});
afterAll(() => flock.close());

const tables = async (database: string): Promise<string[]> => {
  const rows = await flock.gizzard.mysql
    .host(db1)
    .rows(
      `SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_name <> 'dropped_shards' ORDER BY 1`,
      [database],
      Deadline.after(5_000),
    );
  return rows.map(([name]) => String(name));
};
const made = (): Promise<void> =>
  flock.gizzard
    .apply([{ kind: 'createShard', shard }])
    .then(() => flock.gizzard.apply([{ kind: 'deleteShard', id: shard.id }]))
    .then(() => undefined);

it('keeps the tables of a dropped shard under a name that says when and what, and gives them back', async () => {
  const { dropped } = flock.gizzard;
  expect(await dropped.list(db1)).toEqual([]);
  await made();
  const before = await tables(config.cluster);
  const aside = (await dropped.setAside(shard, { why: 'a test', keepMs: weekMs }))!;
  expect(aside.name).toMatch(/^20\d{6}T\d{6}_\w{4}_long_x+$/);
  expect(aside.keepUntilMs - aside.droppedAtMs).toBe(weekMs);
  expect(await tables(config.cluster)).toEqual([]);
  expect(await tables(`${config.cluster}_dropped`)).toHaveLength(before.length);
  expect(await dropped.list(db1)).toEqual([{ ...aside, bytes: expect.any(Number) as unknown }]);
  expect(await dropped.setAside(shard, { why: 'again', keepMs: weekMs })).toBeUndefined();
  // One of these clocks alone deletes nothing.
  expect(await dropped.purge(db1, Date.now() + 2 * weekMs)).toEqual([]);
  await dropped.bringBack(aside);
  expect(await tables(config.cluster)).toEqual(before);
  expect(await dropped.list(db1)).toEqual([]);
  await expect(dropped.bringBack(aside)).rejects.toMatchObject({ code: 'FailedPrecondition' });
});

it('keeps two shards of one name apart, refuses to bring one back over the other, and deletes both when their time is over', async () => {
  const { dropped } = flock.gizzard;
  const first = (await dropped.setAside(shard, { why: 'first', keepMs: 1 }))!;
  await made();
  await expect(dropped.bringBack(first)).rejects.toMatchObject({ code: 'FailedPrecondition' });
  const second = (await dropped.setAside(shard, { why: 'second', keepMs: 1 }))!;
  expect(second.name).not.toBe(first.name);
  await sleep(5);
  // By the clock of the journal they are to be kept.
  expect(await dropped.purge(db1, first.droppedAtMs - 1_000)).toEqual([]);
  expect((await dropped.purge(db1, Date.now() + 1_000)).map(({ why }) => why)).toEqual(['first', 'second']);
  expect(await tables(`${config.cluster}_dropped`)).toEqual([]);
  await expect(dropped.bringBack(first)).rejects.toMatchObject({ code: 'NotFound' });
});

describe('on a host without room', () => {
  const opened = (capacityBytes: number): Promise<Flock> =>
    openFlock({
      ...config,
      databaseHosts: { ...config.databaseHosts, [db1]: { ...config.databaseHosts[db1]!, capacityBytes } },
    });
  const always = { minFreeShare: 0.05, minAgeMs: 0 };

  it('the oldest dropped shards go before their time, and those that were dropped just now stay', async () => {
    const { dropped } = flock.gizzard;
    for (const why of ['first', 'second']) {
      await made();
      await dropped.setAside(shard, { why, keepMs: weekMs });
      await sleep(5);
    }
    for (const { bytes } of await dropped.list(db1)) expect(bytes).toBeGreaterThan(0);
    const [roomy, full] = [await opened(1e15), await opened(1)];
    try {
      expect(await roomy.gizzard.dropped.relieve(db1, always)).toEqual([]);
      expect(await full.gizzard.dropped.relieve(db1, { ...always, minAgeMs: 60_000 })).toEqual([]);
      const gone = await full.gizzard.dropped.relieve(db1, always);
      expect(gone.map(({ why }) => why)).toEqual(['first', 'second']);
      expect(await dropped.list(db1)).toEqual([]);
      expect(await tables(`${config.cluster}_dropped`)).toEqual([]);
    } finally {
      await roomy.close();
      await full.close();
    }
  });
});
