import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { Redis } from 'ioredis';
import { silentLog, type RoostConfig } from '../../process/index.js';
import { failOver, faultsOf, write } from '../../test/support/failover.js';
import { freshCluster } from '../../test/support/index.js';
import { notesTopology, openNotes } from '../../test/support/notes.js';
import { ReplicatedRedis } from '../../test/support/replicatedRedis.js';
import type { Gizzard } from '../gizzard.js';

const { config } = freshCluster('failover', {});
const [db1 = '', db2 = ''] = Object.keys(config.databaseHosts);
const redis = new ReplicatedRedis();
const opened: Gizzard[] = [];
const replicated = (): RoostConfig => ({
  ...config,
  redis: { ...config.redis, ...redis.config },
  journal: { ...config.journal, replicas: 1 },
  jobs: { ...config.jobs, claimAfterSeconds: 1 },
});

beforeAll(() => redis.start());
afterEach(async () => {
  await Promise.all(opened.splice(0).map((gizzard) => gizzard.close()));
});
afterAll(() => redis.stop());

async function open(own: RoostConfig): Promise<Gizzard> {
  const gizzard = openNotes(own, {}, silentLog);
  opened.push(gizzard);
  await gizzard.nameServer.create();
  if (gizzard.topology.tables.length === 0) await gizzard.apply(notesTopology([db1, db2]));
  await gizzard.start({ work: true });
  return gizzard;
}

it('acknowledges a write when all connected replicas have it, and goes on without one that hangs', async () => {
  const gizzard = await open(replicated());
  const primary = await redis.primary();
  const [slow] = redis.servers.filter((port) => port !== primary);
  await write(gizzard, 2_000_000);
  redis.pause(slow!);
  try {
    let acknowledged = false;
    const written = write(gizzard, 2_000_001).then(() => (acknowledged = true));
    await sleep(100);
    expect(acknowledged).toBe(false);
    await written;
    const sentAtMs = performance.now();
    for (let i = 2; i < 12; i++) await write(gizzard, 2_000_000 + i);
    expect(performance.now() - sentAtMs).toBeLessThan(1_500);
  } finally {
    redis.resume(slow!);
    await redis.settled();
  }
});

it('loses no acknowledged write when Sentinels are told to promote a replica of a primary that is well', async () => {
  const gizzard = await open(replicated());
  const { acknowledged } = await failOver(gizzard, redis, { from: 3_000_000, killAfterMs: 300, ordered: true });
  expect(await faultsOf(gizzard, acknowledged)).toEqual({ missing: [], backwards: [], alike: true });
  await redis.settled();
  // The promoted server has everything that was accepted.
  await write(gizzard, 4_000_000);
}, 60_000);

it('loses no acknowledged write when the primary of the journal is killed, and refuses it when it comes back', async () => {
  const gizzard = await open(replicated());
  const { acknowledged, killed } = await failOver(gizzard, redis, { from: 0, killAfterMs: 300 });
  expect(await redis.primary()).not.toBe(killed);
  expect(await faultsOf(gizzard, acknowledged)).toEqual({ missing: [], backwards: [], alike: true });

  // As a primary that knows of no failover yet, at the address that a server without Sentinels has.
  redis.startServer(killed);
  const old = new Redis(killed, '127.0.0.1');
  old.on('error', () => undefined);
  await old.ping();
  const stale = await open({ ...replicated(), redis: { ...config.redis, port: killed } });
  await expect(write(stale, 1_000_000)).rejects.toMatchObject({ code: 'Unavailable', fields: { refusal: 'replicas' } });
  expect((await stale.doctor.examine()).filter(({ kind }) => kind === 'journalSetting')).toMatchObject([
    { subject: 'replicas' },
  ]);
  old.disconnect();
});
