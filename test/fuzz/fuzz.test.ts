import { afterAll, beforeAll, expect, it } from 'vitest';
import { FuzzCluster, services, type FuzzedPort } from './fuzzCluster.js';
import { fuzzAdmin } from './fuzzAdmin.js';

// Every port is sent calls made from its IDL, most of them wrong in some way, while a good client goes on beside it. The long suite sends more: fuzz.long.test.ts.

const frames = Number(process.env['ROOST_TEST_FRAMES'] ?? 1_000);
const seed = Number(process.env['ROOST_TEST_SEED'] ?? 1);
const { start } = FuzzCluster.configure('fuzz');
let cluster: FuzzCluster;

beforeAll(async () => {
  cluster = await start();
}, 60_000);
afterAll(() => cluster?.stop(), 60_000);

const unharmed = async (): Promise<void> => {
  const { calls, problems } = cluster.good;
  expect(problems).toEqual([]);
  await expect.poll(() => cluster.good.calls, { timeout: 30_000 }).toBeGreaterThan(calls);
  const metrics = await cluster.metrics();
  expect(metrics).toMatch(/^roost_unhandled_rejections_total 0$/m);
  expect(metrics.match(/^roost_rpc_calls_total\{.*code="Internal".*$/gm)).toBeNull();
  expect(cluster.grownBytes).toBeLessThan(512 * 1024 * 1024);
};

it.each(Object.keys(services) as FuzzedPort[])(
  'answers whatever the port of %s is sent, with an error of its own',
  async (port) => {
    const figures = await cluster.fuzz(port, seed, frames);
    process.stdout.write(`${port}, seed ${seed}: ${JSON.stringify(figures)}\n`);
    expect(figures.replies).toBeGreaterThan(0);
    expect(figures.closed).toBeGreaterThan(0);
    await unharmed();
  },
  120_000 + frames,
);

it(
  'answers whatever the admin port is sent',
  async () => {
    const figures = await fuzzAdmin(cluster.server.ready.admin.port, seed, frames);
    process.stdout.write(`admin, seed ${seed}: ${JSON.stringify(figures)}\n`);
    expect(figures).toMatchObject({ 200: expect.any(Number) as number, 400: expect.any(Number) as number });
    expect(figures).not.toHaveProperty('500');
    await unharmed();
  },
  120_000 + frames,
);
