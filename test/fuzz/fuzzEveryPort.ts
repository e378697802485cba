import { afterAll, beforeAll, expect, it } from 'vitest';
import { fuzzAdmin } from './fuzzAdmin.js';
import { FuzzCluster, services, type FuzzedPort } from './fuzzCluster.js';

const seed = Number(process.env['ROOST_TEST_SEED'] ?? 1);
const grownMostBytes = 512 * 1024 * 1024;
/** The longest stall allowed beyond the wait of an idle thread of this machine in the same time. */
const stallMostMs = 50;

interface FuzzOptions {
  /** The number of frames for each port. */
  readonly frames: number;
  /** Whether the server's event loop must not stall. A shared machine cannot tell. */
  readonly checkStalls: boolean;
}

/**
 * Declares tests that send calls made from its IDL to every port, most of them wrong in some way, while a good client
 * works beside them.
 */
export function fuzzEveryPort(name: string, { frames, checkStalls }: FuzzOptions): void {
  const { start } = FuzzCluster.configure(name);
  let cluster: FuzzCluster;
  beforeAll(async () => {
    cluster = await start();
  }, 60_000);
  afterAll(() => cluster?.stop(), 60_000);
  // A shared machine answers 100 frames a second.
  const timeoutMs = 120_000 + 10 * frames;

  const unharmed = async (figures: { readonly stallMs: number; readonly idleMs: number }): Promise<void> => {
    const { calls, problems } = cluster.good;
    expect(problems).toEqual([]);
    await expect.poll(() => cluster.good.calls, { timeout: 30_000 }).toBeGreaterThan(calls);
    const metrics = await cluster.metrics();
    expect(metrics).toMatch(/^roost_unhandled_rejections_total 0$/m);
    expect(metrics.match(/^roost_rpc_calls_total\{.*code="Internal".*$/gm)).toBeNull();
    expect(cluster.grownBytes).toBeLessThan(grownMostBytes);
    if (checkStalls) expect(figures.stallMs - figures.idleMs).toBeLessThan(stallMostMs);
  };
  const say = (port: string, figures: object): void =>
    void process.stdout.write(
      `${port}, seed ${seed}: ${JSON.stringify(figures)}, grown by ${cluster.grownBytes >> 20} MiB\n`,
    );

  it.each(Object.keys(services) as FuzzedPort[])(
    'answers whatever the port of %s is sent, with an error of its own',
    async (port) => {
      const figures = await cluster.fuzz(port, seed, frames);
      say(port, figures);
      expect(figures.replies).toBeGreaterThan(0);
      expect(figures.closed).toBeGreaterThan(0);
      await unharmed(figures);
    },
    timeoutMs,
  );

  it(
    'answers whatever the admin port is sent',
    async () => {
      const { adminPort } = cluster;
      const { answers, ...stalls } = await cluster.measured(async () => ({
        answers: await fuzzAdmin(adminPort, seed, frames),
      }));
      say('admin', { ...answers, ...stalls });
      expect(answers).toMatchObject({ 200: expect.any(Number) as number, 400: expect.any(Number) as number });
      expect(answers).not.toHaveProperty('500');
      await unharmed(stalls);
    },
    timeoutMs,
  );
}
