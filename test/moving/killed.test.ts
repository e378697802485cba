import { it } from 'vitest';
import '../support/killableCluster.js';
import { killRounds } from './killRounds.js';

// Kills each kind of process once; `npm run test:long` takes all kinds of migrations and moments.
const rounds = Number(process.env['ROOST_TEST_ROUNDS'] ?? 3);
const seed = Number(process.env['ROOST_TEST_SEED'] ?? 20_110_401);

it(
  `carries out what a killed process was in the middle of, and loses nothing (ROOST_TEST_SEED=${seed})`,
  { timeout: 300_000 },
  () => killRounds(rounds, seed),
);
