import { type Flock, openFlock } from '../../flock/index.js';
import type { Roost } from '../../sdk/index.js';
import { KillableCluster } from '../support/killableCluster.js';
import { drawRound } from './drawRound.js';
import { KilledRound } from './killedRound.js';
import { LedgerGate } from './ledgerGate.js';

/**
 * Runs rounds of a random transformation under reads and writes, and in each kills one process without warning. The
 * migration must finish by itself: all acknowledged writes are there, every count is right, no read has failed, and
 * nothing is left behind. Seeds are `step` apart: with 12, the kinds follow each other and the victim stays the same.
 */
export async function killRounds(
  rounds: number,
  firstSeed: number,
  step = Number(process.env['ROOST_TEST_STEP'] ?? 1),
): Promise<void> {
  const cluster = await KillableCluster.start({
    databaseHosts: 3,
    servers: 2,
    overrides: {
      nameServer: { hosts: ['db1', 'db2', 'db3'], reloadSeconds: 0.2 },
      jobs: { claimAfterSeconds: 1, errorDelaySeconds: 0.3, errorLimit: 1_000_000 },
      // A copy that rests beside the load makes a round long, and no harder.
      moves: { minRowsPerSecond: 20_000 },
    },
    setUp: async (config) => {
      const flock = await openFlock(config, { create: true });
      // Creates the tables of the ledger.
      await flock.gizzard.migrations.list({ active: true });
      await flock.close();
    },
  });
  let flock: Flock | undefined;
  let roost: Roost | undefined;
  try {
    flock = await openFlock(cluster.config);
    roost = await cluster.connect();
    const gate = new LedgerGate(cluster.config);
    await gate.install();
    for (let seed = firstSeed; seed < firstSeed + rounds * step; seed += step) {
      const startMs = performance.now();
      const round = drawRound(seed);
      const { kind, victim, moment, replicas } = round;
      const what = `${kind} of ${replicas} replicas, ${victim} killed ${moment.at} ${moment.phase} (ROOST_TEST_SEED=${seed} ROOST_TEST_ROUNDS=1)`;
      try {
        await new KilledRound(cluster, flock, roost, gate, round, seed).run();
      } catch (error) {
        throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      }
      process.stdout.write(`${what}: ${((performance.now() - startMs) / 1000).toFixed(1)} s\n`);
    }
  } finally {
    await roost?.close();
    await flock?.close();
    await cluster.stop();
  }
}
