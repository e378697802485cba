import { afterAll, beforeAll, expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import { moveShard, type MoveTask, type ShardId } from '../../gizzard/index.js';
import type { RedisHost } from '../../redis/index.js';
import { keyOf, makeEntry } from '../../timeline/index.js';
import { TimelineCluster, untilQuiet } from './timelineCluster.js';

// Timelines are copied, compared, repaired and moved like any other shard. There are three Redis servers; two of them
// hold the timelines.
const never = new AbortController().signal;
const keep = 20;
const materialized = { acknowledgment: 'materialized' } as const;
const ids = BigInt64Array.from({ length: 40 }, (_, i) => BigInt(i + 1));
let cluster: TimelineCluster;

beforeAll(async () => {
  cluster = await TimelineCluster.start({ keep, hosts: 3, usedHosts: 2, shards: 1 });
  const { timelines } = cluster.service;
  for (const id of ids) await timelines.store(`t:${id}`, [makeEntry(1n)]);
}, 120_000);
afterAll(() => cluster?.stop());

const done = async (kind: 'copy' | 'repair' | 'diff', ...of: ShardId[]): Promise<MoveTask> => {
  const { moves } = cluster.service.gizzard;
  return moves.finished(await moves.request(kind, of), never);
};
const leaves = () => cluster.service.gizzard.topology.route(1_700_000_000, 0n).leaves.map(({ shard }) => shard);
const push = (key: number) => cluster.service.timelines.append(makeEntry(BigInt(key)), 't:', ids, materialized);
const keysOf = async (id: bigint) =>
  (await cluster.service.timelines.get(`t:${id}`, { offset: 0, length: 0 }))?.entries.map((entry) =>
    Number(keyOf(entry)),
  );

it('a shard of timelines is copied, compared and repaired', async () => {
  const { gizzard } = cluster.service;
  await push(2);
  const [source, other] = leaves();
  const copy = { ...source!, id: { hostname: 'tl3', tablePrefix: 'copied' } };
  await gizzard.apply([{ kind: 'createShard', shard: copy }]);
  expect((await done('copy', source!.id, copy.id)).rowsDone).toBe(ids.length);
  expect((await done('diff', source!.id, other!.id, copy.id)).differenceCount).toBe(0);
  const host = gizzard.hosts.host('tl3') as RedisHost;
  await host.run(Deadline.after(5_000), async (redis) => {
    const space = (await redis.hgetall(`${cluster.config.cluster}:shards:timelines`))['copied']!;
    await redis.rpop(`${space}t:3`);
    await redis.unlink(`${space}t:5`);
  });
  expect((await done('diff', source!.id, copy.id)).differenceCount).toBe(2);
  await done('repair', source!.id, copy.id);
  expect((await done('diff', source!.id, copy.id)).differenceCount).toBe(0);
  await gizzard.apply([{ kind: 'deleteShard', id: copy.id }]);
});

it('a shard of timelines moves to another Redis while entries are pushed', async () => {
  const { gizzard } = cluster.service;
  const { migrations } = gizzard;
  const [from] = leaves();
  const plans = moveShard(await migrations.planner(), from!.id, 'tl3');
  const [id] = await migrations.begin(plans, { cleanup: true });
  let moving = true;
  let pushed = 2;
  const pushes = async (): Promise<void> => {
    while (moving || pushed < 30) await push(++pushed);
  };
  const pushing = pushes();
  expect((await migrations.atRest(id!, never)).state).toBe('done');
  moving = false;
  await pushing;
  await untilQuiet(gizzard);
  expect(leaves().map(({ id: { hostname } }) => hostname)).toContain('tl3');
  const expected = Array.from({ length: pushed }, (_, i) => pushed - i);
  // Either replica may answer a read.
  for (const id of ids.subarray(0, 10))
    for (let look = 0; look < 4; look++) expect((await keysOf(id))?.slice(0, keep)).toEqual(expected.slice(0, keep));
  const [a, b] = leaves();
  expect((await done('diff', a!.id, b!.id)).differenceCount).toBe(0);
}, 60_000);
