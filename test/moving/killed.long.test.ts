import { it } from 'vitest';
import { killRounds } from './killRounds.js';

const rounds = Number(process.env['ROOST_TEST_ROUNDS'] ?? 60);
const seed = Number(process.env['ROOST_TEST_SEED'] ?? Date.now() % 1_000_000);

it(
  `carries out what killed processes were in the middle of, ${rounds} times, and loses nothing (ROOST_TEST_SEED=${seed})`,
  { timeout: 3_600_000 },
  () => killRounds(rounds, seed),
);
