import fc from 'fast-check';
import { afterAll, beforeAll, it } from 'vitest';
import { massOperationsProperty } from '../test/flock/massOperations.js';
import { untilApplied } from '../test/flock/untilApplied.js';
import { freshCluster } from '../test/support/index.js';
import { openFlock, type Flock, type Graph } from './index.js';

const cluster = freshCluster('masslong');
let flock: Flock;
let rival: Flock;
let graph: Graph;
const programs = 10_000;

beforeAll(async () => {
  flock = await openFlock(cluster.config, { create: true, work: true });
  graph = await flock.createGraph('follows', { shards: 3, replicas: 2 });
  rival = await openFlock(cluster.config, { work: true });
});
afterAll(() => Promise.all([flock.close(), rival.close()]));

it(
  `converges with single operations in any order: ${programs} random programs`,
  () => fc.assert(massOperationsProperty(flock, graph, () => untilApplied(flock)), { numRuns: programs }),
  7_200_000,
);
