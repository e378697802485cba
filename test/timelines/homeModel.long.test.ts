import { afterAll, beforeAll, expect, it } from 'vitest';
import { modelRound, modes } from './modelRound.js';
import { TimelineCluster } from './timelineCluster.js';

const keep = 20;
const first = Number(process.env['ROOST_TEST_SEED'] ?? Date.now() % 1_000_000);
const rounds = Number(process.env['ROOST_TEST_ROUNDS'] ?? 210);
let cluster: TimelineCluster;

beforeAll(async () => {
  cluster = await TimelineCluster.start({ keep });
}, 120_000);
afterAll(() => cluster?.stop());

it.each(Array.from({ length: rounds }, (_, i) => [modes[(first + i) % modes.length]!, first + i] as const))(
  'home timelines are what the rules make of tweets and graphs: %s (ROOST_TEST_SEED=%d)',
  async (mode, seed) => {
    expect(await modelRound(cluster.service, seed, keep, mode)).toEqual([]);
  },
  120_000,
);
