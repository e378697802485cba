import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshCluster } from '../test/support/index.js';
import { openTimelines } from './timelineStore.js';

const { config } = freshCluster('no_timelines');
// Its Redis is configured, and nobody has made its shards yet.
const configured = { ...config, timeline: { hosts: { tl1: config.redis } } };
let service: Awaited<ReturnType<typeof openTimelines>>;

beforeAll(async () => {
  service = await openTimelines(configured, { work: true, create: true });
});
afterAll(() => service.close());

it('leaves writes of edges and tweets alone while there are no timelines, and graphs are missing', async () => {
  const { flock, tbird, gizzard } = service;
  const materialized = { acknowledgment: 'materialized' } as const;
  const follow = async (name: string): Promise<void> => {
    const { id } = await flock.createGraph(name, { shards: 1, replicas: 1 });
    const [sourceIds, destinationIds] = [BigInt64Array.of(1n), BigInt64Array.of(2n)];
    await flock.write({ graphId: id, operations: 'add', sourceIds, destinationIds }, materialized);
  };
  await follow('likes');
  await tbird.setup({ policy: { replicas: 1 }, graphShards: 1 });
  await follow('follows');
  const [id] = await tbird.create([{ userId: 2n, text: 'alone' }], materialized);
  await tbird.delete(BigInt64Array.of(id!), materialized);
  const idle = { queued: 0, failing: 0, bad: 0 };
  for (const priority of ['high', 'medium', 'low'] as const)
    await expect.poll(() => gizzard.jobs.sizes(priority)).toEqual(idle);
});
