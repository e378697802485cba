import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLog, Metrics } from '../process/index.js';
import { TestRows, testRowForm, type TestRow } from '../test/cache/rows.js';
import { freshCluster } from '../test/support/index.js';
import { openCaches, RowCache, type Caches } from './index.js';
import { opcodes } from './ring/protocol.js';

const { config } = freshCluster('flipped_bits', { cache: { deadlineMs: 1_000 } });
const metrics = new Metrics();
const database = new TestRows();
const logged: string[] = [];
let caches: Caches;
let rows: RowCache<bigint, TestRow>;

beforeAll(async () => {
  const log = createLog(
    'warn',
    new PassThrough().on('data', (line) => void logged.push(String(line))),
  );
  caches = await openCaches(config, { metrics, log });
  rows = new RowCache(caches.main, {
    name: 'rows',
    ...testRowForm,
    load: database.load,
    ttlSeconds: 100,
    absentTtlSeconds: 5,
  });
});
afterAll(() => caches.close());

it('an entry with a flipped bit is a miss, counted and logged once, and never another value', async () => {
  const { pool } = rows.store!;
  const key = 7n;
  database.rows.set(key, { version: 1n, text: 'a row' });
  await rows.getOne(key);
  const target = pool.target(pool.placement!, 'rows', String(key))!;
  const [whole] = await target.node.get([target.name], 1_000);
  const readKeys = database.readKeys;
  for (let byte = 0; byte < whole!.value.length; byte++) {
    const value = Buffer.from(whole!.value);
    value[byte]! ^= 0x04;
    await target.node.execute([{ opcode: opcodes.set, key: target.name, value, ttlSeconds: 100 }], 1_000);
    expect(await rows.getOne(key), `byte ${byte}`).toEqual({ version: 1n, text: 'a row' });
  }
  expect(database.readKeys - readKeys).toBe(whole!.value.length);
  expect(await metrics.registry.metrics()).toContain(
    `roost_cache_garbage_total{cache="rows"} ${whole!.value.length}\n`,
  );
  expect(logged.map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({ node: target.node.name, cache: 'rows', entry: target.name }),
  ]);
});
