import { afterAll, beforeAll, expect, it } from 'vitest';
import { modelRound } from './modelRound.js';
import { TimelineCluster } from './timelineCluster.js';

const keep = 20;
const seed = Number(process.env['ROOST_TEST_SEED'] ?? 20_110_601);
const rounds = Number(process.env['ROOST_TEST_ROUNDS'] ?? 2);
let cluster: TimelineCluster;

beforeAll(async () => {
  cluster = await TimelineCluster.start({ keep });
}, 120_000);
afterAll(() => cluster?.stop());

it(`home timelines are what the rules make of tweets and graphs, and walks under writes miss and repeat nothing (ROOST_TEST_SEED=${seed})`, async () => {
  for (let round = 0; round < rounds; round++)
    expect(await modelRound(cluster.service, seed + round, keep), `ROOST_TEST_SEED=${seed + round}`).toEqual([]);
}, 120_000);
