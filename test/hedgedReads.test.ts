import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Flock, openFlock } from '../flock/index.js';
import { type Playground, startPlayground } from '../playground/index.js';
import { Metrics } from '../process/index.js';
import { type ClusterConfigInput, clusterSchema } from './clusterConfig.js';

const dir = mkdtempSync(join(tmpdir(), 'roost-hedged-'));
const metrics = new Metrics();
let playground: Playground;
let flock: Flock;

beforeAll(async () => {
  playground = await startPlayground({ dir: join(dir, 'playground'), databaseHosts: 2, caches: 0, redisFsync: 'no' });
  const written = JSON.parse(readFileSync(playground.configPath, 'utf8')) as ClusterConfigInput;
  flock = await openFlock(clusterSchema.parse({ ...written, reads: { hedge: true, hedgeMaxPercent: 100 } }), {
    work: true,
    create: true,
    metrics,
  });
  await flock.createGraph('follows', { shards: 1, replicas: 2 });
}, 60_000);

afterAll(async () => {
  await playground.resume('db2').catch(() => undefined);
  await flock.close();
  await playground.stop();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

it('answers every read from the other host while one hangs, long before the timeout', async () => {
  const [source, destination] = [BigInt64Array.of(1n), BigInt64Array.of(2n)];
  await flock.write(
    { graphId: 1, operations: 'add', sourceIds: source, destinationIds: destination },
    { acknowledgment: 'materialized' },
  );
  const read = () => flock.states(1, source, destination, { deadlineMs: 60_000 });
  // These reads make both hosts known.
  for (let i = 0; i < 400; i++) await read();
  await playground.pause('db2');
  // As many reads as the hanging host's pool has connections, so that none is given up before the end.
  for (let i = 0; i < 16; i++) expect(await read()).toEqual(['normal']);
  const { values } = await metrics.registry.getSingleMetric('roost_hedged_reads_total')!.get();
  expect(values.find(({ labels }) => labels['winner'] === 'second')?.value).toBeGreaterThan(0);
  // The host still counts as healthy: nothing has failed yet.
  expect(flock.gizzard.hosts.host('db2').health.down).toBe(false);
}, 60_000);
