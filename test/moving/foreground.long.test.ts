import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Flock, openFlock } from '../../flock/index.js';
import { shardKey } from '../../gizzard/index.js';
import type { Roost } from '../../sdk/index.js';
import { callRoost } from '../callRoost.js';
import { KillableCluster } from '../support/killableCluster.js';
import { liveGraphOfClient } from './liveGraph.js';
import { LiveLoad } from './liveLoad.js';

// Runs one load, through a client and two servers, while a DBA does everything to its graph that may be done to one.

const graphId = 1;
let cluster: KillableCluster;
let flock: Flock;
let roost: Roost;

beforeAll(async () => {
  cluster = await KillableCluster.start({
    databaseHosts: 3,
    servers: 2,
    overrides: { nameServer: { hosts: ['db1'], reloadSeconds: 0.2 } },
    setUp: async (config) => {
      flock = await openFlock(config, { create: true });
      await flock.createGraph('follows', { shards: 2, replicas: 2, hosts: ['db1', 'db2'] });
    },
  });
  await cluster.useHosts(['db1', 'db2']);
  roost = await cluster.connect();
}, 120_000);
afterAll(async () => {
  await roost?.close();
  await flock?.close();
  await cluster?.stop();
}, 120_000);

async function call(
  ...args: string[]
): Promise<{ readonly migrations: readonly { readonly id: number; readonly state: string }[] }> {
  process.stdout.write(`roost ${args.join(' ')}\n`);
  const { exitCode, stdout, stderr } = await callRoost(
    [...args, '--yes', '--json', '--config', cluster.configPath],
    '.',
  );
  expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }, args.join(' ')).toEqual({ exitCode: 0, stderr: '' });
  await flock.gizzard.nameServer.reload();
  return JSON.parse(stdout) as Awaited<ReturnType<typeof call>>;
}

/** Runs a command whose migrations must all reach the given state. */
async function carriesOut(state: 'settled' | 'done', ...args: string[]): Promise<number[]> {
  const { migrations } = await call(...args, '--wait', ...(state === 'done' ? ['--cleanup'] : []));
  expect(migrations.length).toBeGreaterThan(0);
  for (const migration of migrations) expect(migration.state).toBe(state);
  return migrations.map(({ id }) => id);
}

const trees = (tableId: number): { readonly baseId: bigint; readonly leaves: readonly string[] }[] =>
  flock.gizzard.topology.state.forwardings
    .filter((forwarding) => forwarding.tableId === tableId)
    .sort((a, b) => (a.baseId < b.baseId ? -1 : 1))
    .map(({ baseId }, i) => ({
      baseId,
      leaves: flock.gizzard.topology.routes(tableId)[i]!.leaves.map((leaf) => shardKey(leaf.shard.id)),
    }));
const hostOf = (leaf: string): string => leaf.split('/')[0]!;
const hosts = ['db1', 'db2', 'db3'];
/** Returns a leaf, and a host on which its tree has no copy. */
const movable = (tableId: number): [leaf: string, host: string] => {
  const { leaves } = trees(tableId)[0]!;
  return [leaves[0]!, hosts.find((host) => !leaves.some((leaf) => hostOf(leaf) === host))!];
};

it('loses nothing, fails no read and counts right while a host is added, shards are rebalanced, moved, split and merged, and a switch is taken back', async () => {
  const load = new LiveLoad(liveGraphOfClient(await roost.graph('follows')), 7, { patient: true });
  await load.fill(1_000);
  load.start();
  try {
    await cluster.useHosts(hosts);
    await carriesOut('done', 'rebalance', '--hosts', hosts.join(), '--tables', `${graphId},-${graphId}`);
    expect(
      new Set([graphId, -graphId].flatMap((tableId) => trees(tableId).flatMap(({ leaves }) => leaves.map(hostOf)))),
    ).toEqual(new Set(hosts));

    await carriesOut('done', 'move', ...movable(graphId));

    const hottest = hottestBase();
    await carriesOut('done', 'split', String(graphId), String(hottest));
    expect(trees(graphId)).toHaveLength(3);
    await carriesOut('done', 'merge', String(graphId), String(hottest));
    expect(trees(graphId)).toHaveLength(2);

    const before = trees(-graphId);
    const [id] = await carriesOut('settled', 'move', ...movable(-graphId));
    expect(trees(-graphId)).not.toEqual(before);
    await call('migrations', 'rollback', String(id));
    expect(await flock.gizzard.migrations.atRest(id!, new AbortController().signal)).toMatchObject({
      state: 'rolledBack',
      error: '',
    });
    await flock.gizzard.nameServer.reload();
    expect(trees(-graphId)).toEqual(before);
  } finally {
    await load.stop();
  }
  await load.check(flock, graphId);
  expect(await flock.gizzard.doctor.examine()).toEqual([]);
}, 900_000);

/** Returns the base of the tree that holds most of the load's sources. */
function hottestBase(): bigint {
  const sources = new Map<bigint, number>();
  for (let source = 0n; source < 97n; source++) {
    const { baseId } = flock.locate(graphId, source).find(({ direction }) => direction === 'forward')!;
    sources.set(baseId, (sources.get(baseId) ?? 0) + 1);
  }
  return [...sources].reduce((a, b) => (b[1] > a[1] ? b : a))[0];
}
