import fc from 'fast-check';
import { afterAll, beforeAll, it } from 'vitest';
import { MassOperations } from '../test/flock/massOperations.js';
import { freshCluster } from '../test/support/index.js';
import { openFlock, type Flock } from './index.js';

const cluster = freshCluster('masslong');
let flock: Flock;
let rival: Flock;
let operations: MassOperations;
/** In parts, so that a run shows how far it is, and a failure how little has to be run again. */
const programsPerPart = 500;
const parts = 20;
const seed = Number(process.env['ROOST_TEST_SEED'] ?? Date.now() % 1_000_000);

beforeAll(async () => {
  flock = await openFlock(cluster.config, { create: true, work: true });
  const graph = await flock.createGraph('follows', { shards: 3, replicas: 2 });
  rival = await openFlock(cluster.config, { work: true });
  operations = new MassOperations(flock, graph, rival, seed);
});
afterAll(() => Promise.all([flock.close(), rival.close()]));

it.each(Array.from({ length: parts }, (_, part) => part))(
  `converges with single operations in any order: ${programsPerPart} random programs, part %i (ROOST_TEST_SEED=${seed})`,
  async (part) => {
    await fc.assert(operations.property(), { numRuns: programsPerPart, seed: seed + part });
  },
  1_200_000,
);
