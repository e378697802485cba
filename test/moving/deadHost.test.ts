import { afterAll, beforeAll, expect, it } from 'vitest';
import { openFlock, type Flock } from '../../flock/index.js';
import { type Finding, leftBehind, moveShard } from '../../gizzard/index.js';
import { KillableCluster } from '../support/killableCluster.js';
import { liveGraphOf } from './liveGraph.js';
import { LiveLoad } from './liveLoad.js';

// A host that is gone for good does not keep a migration from ending, and its tables are not forgotten.

const never = new AbortController().signal;
let cluster: KillableCluster;
let flock: Flock;

beforeAll(async () => {
  cluster = await KillableCluster.start({
    databaseHosts: 3,
    servers: 0,
    overrides: { nameServer: { hosts: ['db1'], reloadSeconds: 0.1 }, moves: { leaveHostAfterSeconds: 0.5 } },
    setUp: () => Promise.resolve(),
  });
  flock = await openFlock(cluster.config, { work: true, create: true });
}, 60_000);
afterAll(async () => {
  await flock.close();
  await cluster.stop();
}, 60_000);

const of = (findings: readonly Finding[], kind: Finding['kind']): string[] =>
  findings.filter((one) => one.kind === kind).map(({ message }) => message);

it.each([
  ['cleans up without the old host', 'db2', 'cleanup'],
  ['rolls back without the new host', 'db3', 'rollback'],
] as const)(
  '%s, loses nothing, and drops the tables that were left there when it is back',
  async (_what, dead, end) => {
    const { doctor, migrations } = flock.gizzard;
    const { id: graphId } = await flock.createGraph(end, { shards: 1, replicas: 1, hosts: ['db2'] });
    let killed = false;
    const load = new LiveLoad(
      liveGraphOf(() => flock, graphId),
      1,
      { patient: true, replicasMayLag: () => killed, readsMayFail: () => killed },
    );
    await load.fill(200);
    load.start();
    const planner = await migrations.planner();
    const ids = await migrations.begin(
      [graphId, -graphId].flatMap((table) =>
        moveShard(planner, planner.topology.routes(table)[0]!.leaves[0]!.shard.id, 'db3'),
      ),
    );
    for (const id of ids) expect(await migrations.atRest(id, never)).toMatchObject({ state: 'settled', error: '' });
    killed = true;
    await cluster.playground.kill(dead);
    for (const id of ids) await migrations[end](id);
    for (const id of ids)
      expect(await migrations.atRest(id, never)).toMatchObject({
        state: end === 'cleanup' ? 'done' : 'rolledBack',
        error: '',
      });
    const left = [`${dead}/${end}_forward_0000`, `${dead}/${end}_backward_0000`];
    const reports = await Promise.all(ids.map((id) => migrations.show(id)));
    expect(reports.map(({ steps }) => leftBehind(steps))).toEqual(left.map((key) => [key]));
    expect(of(await doctor.examine(), 'unreachableHost')[0]).toContain(
      `migrations have left tables behind on it: ${left.join(', ')}`,
    );
    await load.stop();
    await load.check(flock, graphId);

    await cluster.playground.restart(dead);
    const findings = await doctor.examine();
    const named = of(findings, 'unnamedTables');
    for (const [i, key] of left.entries())
      expect(named).toContainEqual(
        expect.stringMatching(
          new RegExp(`holds tables of ${key.slice('db2/'.length)} .* migration ${ids[i]} left them behind`),
        ),
      );
    expect(named).toHaveLength(left.length);
    await doctor.fix(findings, { dropTables: true });
    expect(await doctor.examine()).toEqual([]);
  },
  60_000,
);
