import { it } from 'vitest';
import { freshCluster } from '../support/index.js';
import { killRounds } from './killRounds.js';

const { configPath } = freshCluster('killed_long');
const seed = Number(process.env['ROOST_TEST_SEED'] ?? Date.now() % 1_000_000);

it(`finishes what killed servers were in the middle of, 60 times, and loses nothing (ROOST_TEST_SEED=${seed})`, { timeout: 3_600_000 }, () => killRounds(configPath, 60, seed));
