import { afterAll, beforeAll, expect, it } from 'vitest';
import { modelRound, modes } from './modelRound.js';
import { TimelineCluster } from './timelineCluster.js';

const keep = 20;
const seed = Number(process.env['ROOST_TEST_SEED'] ?? 20_110_601);
const rounds = Number(process.env['ROOST_TEST_ROUNDS'] ?? 1);
let cluster: TimelineCluster;

beforeAll(async () => {
  cluster = await TimelineCluster.start({ keep });
}, 120_000);
afterAll(() => cluster?.stop());

it.each(modes)(
  `home timelines are what the rules make of tweets and graphs, and walks under writes miss and repeat nothing: %s (ROOST_TEST_SEED=${seed})`,
  async (mode) => {
    for (let round = 0; round < rounds; round++)
      expect(await modelRound(cluster.service, seed + round, keep, mode), `ROOST_TEST_SEED=${seed + round}`).toEqual(
        [],
      );
    const decided = await cluster.service.gizzard.metrics.registry.getSingleMetricAsString(
      'roost_timeline_deliveries_total',
    );
    if (mode !== 'push') expect(decided).toMatch(/decision="pull".*[1-9]/);
  },
  120_000,
);
