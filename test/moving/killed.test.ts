import { it } from 'vitest';
import { freshCluster } from '../support/index.js';
import { killRounds } from './killRounds.js';

const { configPath } = freshCluster('killed');
const seed = Number(process.env['ROOST_TEST_SEED'] ?? 20_110_401);

it(`finishes what a killed server was in the middle of, and loses nothing (ROOST_TEST_SEED=${seed})`, { timeout: 300_000 }, () => killRounds(configPath, 2, seed));
