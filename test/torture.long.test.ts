import { afterAll, beforeAll, expect, it } from 'vitest';
import { TortureCluster } from './torture/cluster.js';
import { drawFaults, runRound } from './torture/round.js';

// Servers, databases, Redis and the ways between them fail, singly and in pairs, under clients that note what they were told. Other seeds: ROOST_TEST_SEED, ROOST_TEST_ROUNDS.
const firstSeed = Number(process.env['ROOST_TEST_SEED'] ?? 1);
const rounds = Number(process.env['ROOST_TEST_ROUNDS'] ?? 25);
let cluster: TortureCluster;

beforeAll(async () => {
  cluster = await TortureCluster.start();
}, 120_000);
afterAll(() => cluster.stop(), 60_000);

it.each(Array.from({ length: rounds }, (_, i) => firstSeed + i))(
  'seed %i',
  async (seed) => {
    process.stdout.write(`seed ${seed}: ${drawFaults(seed).join(' and ')}\n`);
    const { violations, notes, writes } = await runRound(cluster, seed);
    expect(violations, JSON.stringify({ notes, writes }, undefined, 1)).toEqual([]);
  },
  300_000,
);
