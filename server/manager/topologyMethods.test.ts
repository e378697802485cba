import { afterAll, beforeAll, expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import { flockStore, openFlock, type Flock } from '../../flock/index.js';
import type { ShardId, ShardInfo } from '../../gizzard/index.js';
import { freshCluster } from '../../test/support/index.js';
import { shardIdToThrift } from './managerStructs.js';
import { moveMethods } from './moveMethods.js';
import { ShardClasses } from './shardClasses.js';
import { topologyMethods } from './topologyMethods.js';

// What Gizzard's tools do in steps, on a real cluster.

const { config } = freshCluster('manager_methods', {
  jobs: { errorDelaySeconds: 0.05 },
  manager: { defaultHash: 'byteSwap' },
});
const [db1, db2] = Object.keys(config.databaseHosts) as [string, string];
let flock: Flock;
let leaves: ShardId[];
const by = 'a tool';
const classes = new ShardClasses([flockStore]);

beforeAll(async () => {
  flock = await openFlock(config, { create: true, work: true });
  await flock.createGraph('follows', { shards: 1, replicas: 2 });
  leaves = flock.gizzard.topology.routes(1)[0]!.leaves.map(({ shard }) => shard.id);
});
afterAll(() => flock.close());

const tableOf = (id: ShardId, table: string): string => `\`${config.cluster}\`.\`${id.tablePrefix}_${table}\``;
const sql = (id: ShardId, statement: string) =>
  flock.gizzard.mysql.host(id.hostname).rows(statement, [], Deadline.after(5_000));
const add = (source: bigint, destination: bigint, acknowledgment: 'journaled' | 'materialized' = 'materialized') =>
  flock.write(
    {
      graphId: 1,
      operations: 'add',
      sourceIds: BigInt64Array.of(source),
      destinationIds: BigInt64Array.of(destination),
    },
    { acknowledgment },
  );
const shard = (id: ShardId, type: string): ShardInfo => ({
  id,
  type,
  attributes: {},
  busy: 'normal',
});

it('has copy_shard bring each of its shards to what any of them holds, and shows when it is done', async () => {
  for (let i = 1n; i <= 3n; i++) await add(1n, i);
  for (const [i, id] of leaves.entries())
    await sql(id, `DELETE FROM ${tableOf(id, 'edges')} WHERE destination_id = ${i + 1}`);
  await moveMethods(flock.gizzard, by).copy_shard(leaves.map(shardIdToThrift));
  await expect
    .poll(() => topologyMethods(flock.gizzard, classes, by).get_busy_shards(), { timeout: 15_000 })
    .toEqual([]);
  for (const id of leaves) {
    const rows = await sql(id, `SELECT destination_id FROM ${tableOf(id, 'edges')} ORDER BY destination_id`);
    expect(rows.map(([destination]) => Number(destination))).toEqual([1, 2, 3]);
    expect(
      (await sql(id, `SELECT normal_count FROM ${tableOf(id, 'nodes')} WHERE source_id = 1`)).map(([count]) =>
        Number(count),
      ),
    ).toEqual([3]);
  }
});

it('cancels a copy once one of its shards is marked so', async () => {
  const { moves } = flock.gizzard;
  const move = await moves.request('copy', leaves, { minRowsPerSecond: 1, maxRowsPerSecond: 1 });
  await topologyMethods(flock.gizzard, classes, by).mark_shard_busy(shardIdToThrift(leaves[1]!), 3);
  await expect.poll(() => moves.get(move), { timeout: 10_000 }).toMatchObject({ state: 'cancelled' });
  await flock.gizzard.nameServer.reload();
  expect(flock.gizzard.topology.shard(leaves[1]!).busy).toBe('cancelled');
  for (const id of leaves) await topologyMethods(flock.gizzard, classes, by).mark_shard_busy(shardIdToThrift(id), 0);
});

it('lets a table forward to a node before anything is linked below it: writes wait until something is', async () => {
  const { gizzard } = flock;
  const root = { hostname: 'localhost', tablePrefix: 'later_root' };
  const leaf = (direction: string) => ({
    hostname: direction === 'forward' ? db1 : db2,
    tablePrefix: `later_${direction}`,
  });
  await gizzard.apply([
    ...([5, -5] as const).map((tableId) => ({
      kind: 'createTable' as const,
      table: { tableId, name: 'later', service: 'flock', hash: 'fnv1a64' },
    })),
    ...['forward', 'backward'].map((direction) => ({
      kind: 'createShard' as const,
      shard: shard(leaf(direction), 'flock'),
    })),
    { kind: 'setForwarding', forwarding: { tableId: -5, baseId: 0n, shard: leaf('backward') } },
    { kind: 'createShard', shard: shard(root, 'replicating') },
  ]);
  await topologyMethods(gizzard, classes, by).set_forwarding({
    table_id: 5,
    base_id: 0n,
    shard_id: shardIdToThrift(root),
  });
  const pair = [BigInt64Array.of(1n), BigInt64Array.of(2n)] as const;
  await flock.write({ graphId: 5, operations: 'add', sourceIds: pair[0], destinationIds: pair[1] });
  await expect.poll(async () => (await flock.journal()).failing, { timeout: 10_000 }).toBe(1);
  await expect(flock.states(5, ...pair)).rejects.toMatchObject({ code: 'Unavailable' });
  await topologyMethods(gizzard, classes, by).add_link(shardIdToThrift(root), shardIdToThrift(leaf('forward')), 1);
  await expect.poll(() => flock.states(5, ...pair), { timeout: 10_000 }).toEqual(['normal']);
  await expect.poll(() => flock.journal(), { timeout: 10_000 }).toMatchObject({ failing: 0, bad: 0 });
});

it('hashes the keys of tables that tools make as the configuration says', async () => {
  const { gizzard } = flock;
  const root = { hostname: 'localhost', tablePrefix: 'hashed' };
  await gizzard.apply([{ kind: 'createShard', shard: shard(root, 'blackHole') }]);
  await topologyMethods(gizzard, classes, by).set_forwarding({
    table_id: 8,
    base_id: 0n,
    shard_id: shardIdToThrift(root),
  });
  expect(gizzard.topology.table(8).hash).toBe('byteSwap');
  await topologyMethods(gizzard, classes, by).batch_execute([
    { set_forwarding: { table_id: -8, base_id: 0n, shard_id: shardIdToThrift(root) } },
  ]);
  expect(gizzard.topology.table(-8).hash).toBe('byteSwap');
});
