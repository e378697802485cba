import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import { openFlock, type Flock } from '../../flock/index.js';
import { keyHash, MigrationPlanner, parseTemplate, printTemplate, type MigrationPlan } from '../../gizzard/index.js';
import { freshCluster } from '../support/index.js';
import { liveGraphOf } from './liveGraph.js';
import { LiveLoad } from './liveLoad.js';

const cluster = freshCluster('migrations');
// The audit forgets at once: a migration continues, and rolls back, by its ledger alone. A copy rests beside the load
// for three times as long as a page takes, which on a busy machine is minutes; the floor of its rate keeps it going.
const config = {
  ...cluster.config,
  nameServer: { ...cluster.config.nameServer, reloadSeconds: 0.1, auditEntries: 1 },
  moves: { ...cluster.config.moves, minRowsPerSecond: 20_000 },
};
const [db1 = '', db2 = ''] = Object.keys(config.databaseHosts);
const never = new AbortController().signal;
const template = (text: string) =>
  parseTemplate(text.replaceAll('A', db1).replaceAll('B', db2), (name) => (name === 'flock' ? name : undefined));

let first: Flock;
let second: Flock;
beforeAll(async () => {
  // Two servers, so that a change has to reach both.
  first = await openFlock(config, { work: true, create: true });
  second = await openFlock(config, { work: true });
});
afterAll(async () => {
  await first.close();
  await second.close();
});

async function graphUnderLoad(
  name: string,
  options: { readonly shards: number; readonly replicas: number },
  seed: number,
): Promise<{ readonly graphId: number; readonly load: LiveLoad }> {
  const { id } = await first.createGraph(name, { ...options, hosts: [db1, db2] });
  await second.gizzard.nameServer.reload();
  let turn = 0;
  const load = new LiveLoad(
    liveGraphOf(() => (turn++ % 2 === 0 ? first : second), id),
    seed,
  );
  await load.fill(2_000);
  load.start();
  return { graphId: id, load };
}

async function carryOut(
  plan: MigrationPlan | undefined,
  options: { readonly cleanup?: boolean } = {},
): Promise<number> {
  const [id] = await first.gizzard.migrations.begin([plan!], options);
  const { state, error } = await first.gizzard.migrations.atRest(id!, never);
  expect({ state, error }).toEqual({ state: options.cleanup === true ? 'done' : 'settled', error: '' });
  return id!;
}

const shapes = (graphId: number): string[] => {
  const planner = new MigrationPlanner(first.gizzard.topology);
  return [...planner.roots(graphId).keys()].map((base) => printTemplate(planner.template(graphId, base)));
};

// The tests run while others use the machine.
const timeout = 240_000;

describe('under reads and writes', { timeout }, () => {
  it('moves a shard to another host, rolls back after the switch, moves it again and cleans up', async () => {
    const { graphId, load } = await graphUnderLoad('moved', { shards: 1, replicas: 1 }, 1);
    const { migrations } = first.gizzard;
    const id = await carryOut(
      (await migrations.planner()).plan(graphId, [0n], [{ baseId: 0n, template: template('replicating(flock(B))') }]),
    );
    const [settled] = first.gizzard.topology.routes(graphId);
    expect(new Set(settled!.leaves.map((leaf) => [leaf.shard.id.hostname, leaf.read, leaf.write].join(' ')))).toEqual(
      new Set([`${db2} allow allow`, `${db1} deny allow`]),
    );
    await migrations.rollback(id);
    expect(await migrations.atRest(id, never)).toMatchObject({ state: 'rolledBack', error: '' });
    expect(shapes(graphId)).toEqual([printTemplate(template('replicating(flock(A))'))]);
    await carryOut(
      (await migrations.planner()).plan(graphId, [0n], [{ baseId: 0n, template: template('replicating(flock(B))') }]),
      { cleanup: true },
    );
    expect(shapes(graphId)).toEqual([printTemplate(template('replicating(flock(B))'))]);
    await load.stop();
    await load.check(first, graphId);

    // Neither outcome deleted a row: both the abandoned copy and the replaced shard can be brought back.
    const { dropped, hosts, moves } = first.gizzard;
    const rolledBack = (await dropped.list(db2)).find(({ why }) => why.startsWith(`migration ${id} was rolled back`));
    expect(rolledBack).toBeDefined();
    const [replaced] = (await dropped.list(db1)).filter(({ why }) => why.includes('replaced it'));
    expect(replaced!.shard.id).toEqual({ hostname: db1, tablePrefix: 'moved_forward_0000' });
    await first.gizzard.undrop(replaced!);
    const rows = await moves
      .movableType('flock')
      .tables.find(({ name }) => name === 'edges')!
      .count(hosts.host(db1), replaced!.shard, Deadline.after(5_000));
    expect(rows).toBeGreaterThan(1_000);
  });

  it('adds a replica, and takes one away', async () => {
    const { graphId, load } = await graphUnderLoad('replicas', { shards: 1, replicas: 1 }, 2);
    const { migrations } = first.gizzard;
    await carryOut(
      (await migrations.planner()).plan(
        graphId,
        [0n],
        [{ baseId: 0n, template: template('replicating(flock(A) * 2, flock(B))') }],
      ),
      { cleanup: true },
    );
    await carryOut(
      (await migrations.planner()).plan(
        -graphId,
        [0n],
        [{ baseId: 0n, template: template('replicating(flock(A), writeOnly(flock(B)))') }],
      ),
      { cleanup: true },
    );
    await load.stop();
    await load.check(first, graphId);
    await carryOut(
      (await migrations.planner()).plan(graphId, [0n], [{ baseId: 0n, template: template('replicating(flock(B))') }]),
      { cleanup: true },
    );
    await load.check(first, graphId);
    expect(shapes(graphId)).toEqual([printTemplate(template('replicating(flock(B))'))]);
  });

  it('splits a range in two, and merges it again', async () => {
    const { graphId, load } = await graphUnderLoad('parted', { shards: 1, replicas: 2 }, 3);
    const { migrations } = first.gizzard;
    const middle = keyHash('fnv1a64').maxHash / 2n;
    const both = template('replicating(flock(A), flock(B))');
    await carryOut(
      (await migrations.planner()).plan(
        graphId,
        [0n],
        [
          { baseId: 0n, template: template('replicating(flock(A))') },
          { baseId: middle, template: both },
        ],
      ),
      { cleanup: true },
    );
    expect(shapes(graphId)).toEqual([printTemplate(template('replicating(flock(A))')), printTemplate(both)]);
    await carryOut((await migrations.planner()).plan(graphId, [0n, middle], [{ baseId: 0n, template: both }]), {
      cleanup: true,
    });
    expect(shapes(graphId)).toEqual([printTemplate(both)]);
    await load.stop();
    await load.check(first, graphId);
  });
});

describe('a migration', { timeout }, () => {
  it('can be paused and resumed, keeps its shards to itself, and cannot be rolled back once it is cleaned up', async () => {
    const { migrations } = first.gizzard;
    const { id: graphId } = await first.createGraph('steered', { shards: 1, replicas: 1, hosts: [db1] });
    await second.gizzard.nameServer.reload();
    await first.write(
      {
        graphId,
        operations: 'add',
        sourceIds: BigInt64Array.from({ length: 3_000 }, () => 5n),
        destinationIds: BigInt64Array.from({ length: 3_000 }, (_, i) => BigInt(i)),
      },
      { acknowledgment: 'materialized', deadlineMs: 20_000 },
    );
    const plan = (await migrations.planner()).plan(
      graphId,
      [0n],
      [{ baseId: 0n, template: template('replicating(flock(B))') }],
    )!;
    const [id] = await migrations.begin([plan], { minRowsPerSecond: 2_000, maxRowsPerSecond: 2_000 });
    await expect(migrations.begin([plan])).rejects.toMatchObject({
      code: 'FailedPrecondition',
      message: expect.stringContaining(`is in migration ${id}`) as unknown,
    });
    await migrations.pause(id!);
    expect(await migrations.atRest(id!, never)).toMatchObject({ state: 'paused' });
    await expect(migrations.cleanup(id!)).rejects.toMatchObject({
      code: 'FailedPrecondition',
      message: `migration ${id} cannot be cleaned up: it is paused`,
    });
    await migrations.resume(id!);
    expect(await migrations.atRest(id!, never)).toMatchObject({ state: 'settled' });
    await migrations.cleanup(id!);
    expect(await migrations.atRest(id!, never)).toMatchObject({ state: 'done' });
    await expect(migrations.rollback(id!)).rejects.toMatchObject({ code: 'FailedPrecondition' });
    const { steps } = await migrations.show(id!);
    expect(steps.every((step) => step.state === 'done')).toBe(true);
    expect(steps.find((step) => step.phase === 'verify')!.evidence).toMatchObject({ rounds: 1 });
  });
});
