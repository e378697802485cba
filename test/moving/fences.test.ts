import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFlock, type Flock } from '../../flock/index.js';
import { type Change, moveShard, parseShardId, shardKey, type ShardInfo } from '../../gizzard/index.js';
import { freshCluster } from '../support/index.js';

const cluster = freshCluster('fences');
const config = { ...cluster.config, nameServer: { ...cluster.config.nameServer, reloadSeconds: 0.1 } };
const [db1 = '', db2 = ''] = Object.keys(config.databaseHosts);
const never = new AbortController().signal;
const timeout = 60_000;

let flock: Flock;
beforeAll(async () => {
  flock = await openFlock(config, { work: true, create: true });
});
afterAll(() => flock.close());

const refused = (text: string): unknown =>
  expect.objectContaining({ code: 'FailedPrecondition', message: expect.stringContaining(text) as unknown });

async function movedGraph(name: string) {
  const { gizzard } = flock;
  const { id } = await flock.createGraph(name, { shards: 1, replicas: 1, hosts: [db1] });
  await flock.write(
    { graphId: id, operations: 'add', sourceIds: BigInt64Array.of(1n), destinationIds: BigInt64Array.of(2n) },
    { acknowledgment: 'materialized' },
  );
  const [route] = gizzard.topology.routes(id);
  const leaf = route!.leaves[0]!.shard;
  const [plan] = moveShard(await gizzard.migrations.planner(), leaf.id, db2);
  return { id, root: route!.root.id, leaf, plan: plan! };
}

describe('trees in a migration', { timeout }, () => {
  it('are changed by it alone, whoever else would', async () => {
    const { gizzard } = flock;
    const { id, root, leaf, plan } = await movedGraph('reserved');
    const [migration] = await gizzard.migrations.begin([plan]);
    expect(await gizzard.migrations.atRest(migration!, never)).toMatchObject({ state: 'settled' });
    const inIt = refused(`is in migration ${migration}`);
    const made: ShardInfo = {
      id: parseShardId('localhost/by_hand'),
      type: 'replicating',
      attributes: {},
      busy: 'normal',
    };
    await gizzard.apply([{ kind: 'createShard', shard: made }]);
    const changes: Change[] = [
      { kind: 'removeLink', parent: root, child: leaf.id },
      { kind: 'addLink', link: { parent: made.id, child: leaf.id, weight: 1 } },
      { kind: 'removeForwarding', tableId: id, baseId: 0n },
      { kind: 'setForwarding', forwarding: { tableId: id, baseId: 0n, shard: made.id } },
      // This forwarding takes the upper half of the keys from the one above.
      { kind: 'setForwarding', forwarding: { tableId: id, baseId: 2n ** 59n, shard: made.id } },
      { kind: 'deleteShard', id: leaf.id },
      { kind: 'markBusy', id: leaf.id, busy: 'busy' },
    ];
    for (const change of changes)
      await expect(gizzard.apply([change]), JSON.stringify(change.kind)).rejects.toEqual(inIt);
    const other = plan.created[0]!.id;
    await expect(gizzard.moves.request('copy', [leaf.id, other])).rejects.toEqual(inIt);
    await expect(gizzard.moves.request('repair', [leaf.id, other])).rejects.toEqual(inIt);
    await gizzard.moves.finished(await gizzard.moves.request('diff', [leaf.id, other]), never);
    await gizzard.migrations.rollback(migration!);
    expect(await gizzard.migrations.atRest(migration!, never)).toMatchObject({ state: 'rolledBack' });
    await gizzard.apply([{ kind: 'markBusy', id: leaf.id, busy: 'normal' }]);
  });

  it('are as they were when their plan was made, or it is not carried out', async () => {
    const { gizzard } = flock;
    const { root, leaf, plan } = await movedGraph('outdated');
    await gizzard.apply([{ kind: 'addLink', link: { parent: root, child: leaf.id, weight: 3 } }]);
    await expect(gizzard.migrations.begin([plan])).rejects.toEqual(refused('plan it again'));
    expect(await gizzard.migrations.reservations()).toEqual(new Map());
  });
});

describe('names of tables', { timeout }, () => {
  it('are used once', async () => {
    const { gizzard } = flock;
    const { leaf, plan } = await movedGraph('names');
    const [created] = plan.created;
    const [migration] = await gizzard.migrations.begin([plan]);
    await gizzard.migrations.atRest(migration!, never);
    await gizzard.migrations.rollback(migration!);
    expect(await gizzard.migrations.atRest(migration!, never)).toMatchObject({ state: 'rolledBack' });
    await expect(gizzard.apply([{ kind: 'createShard', shard: created! }])).rejects.toEqual(
      refused('a name is used once'),
    );
    const [again] = moveShard(await gizzard.migrations.planner(), leaf.id, db2);
    expect(again!.created.map(({ id }) => shardKey(id))).toEqual([`${shardKey(created!.id)}_v2`]);
  });

  it('cannot be given while whoever drops the tables takes long over it', async () => {
    const { gizzard } = flock;
    const shard: ShardInfo = {
      id: { hostname: db2, tablePrefix: 'slow' },
      type: 'flock',
      attributes: {},
      busy: 'normal',
    };
    await gizzard.apply([{ kind: 'createShard', shard }]);
    await gizzard.apply([{ kind: 'deleteShard', id: shard.id }]);
    const findings = (await gizzard.doctor.examine()).filter(({ kind }) => kind === 'unnamedTables');
    expect(findings.map(({ subject }) => subject)).toContain(shardKey(shard.id));
    const { host, port, user, password } = config.databaseHosts[db2]!;
    const gate = await createConnection({ host, port, user, password, database: config.cluster });
    await gate.query('LOCK TABLES slow_edges READ');
    const fixing = gizzard.doctor.fix(findings, { dropTables: true });
    try {
      await expect
        .poll(async () => (await gizzard.nameServer.spentNames()).has(shardKey(shard.id)), { timeout: 10_000 })
        .toBe(true);
      await expect(gizzard.apply([{ kind: 'createShard', shard }])).rejects.toEqual(refused('a name is used once'));
    } finally {
      await gate.end();
    }
    expect((await fixing).map(({ finding }) => finding.subject)).toContain(shardKey(shard.id));
  });

  it('of shards that are in use are not spent', async () => {
    const { gizzard } = flock;
    const { leaf } = await movedGraph('used');
    await expect(gizzard.nameServer.spend([leaf.id])).rejects.toEqual(refused('are in use'));
  });

  it('come back with their tables', async () => {
    const { gizzard } = flock;
    const dropped = (await gizzard.dropped.list(db2)).find(({ shard }) => shard.id.tablePrefix === 'slow');
    const { version } = await gizzard.nameServer.apply([]);
    await expect(gizzard.apply([{ kind: 'createShard', shard: dropped!.shard }])).rejects.toEqual(
      refused('a name is used once'),
    );
    await gizzard.undrop(dropped!);
    await gizzard.apply([{ kind: 'createShard', shard: dropped!.shard }]);
    expect(gizzard.topology.version).toBeGreaterThan(version);
    await gizzard.apply([{ kind: 'deleteShard', id: dropped!.shard.id }]);
  });
});

describe('undoing a change', { timeout }, () => {
  it('is refused where the tables of a shard are gone, and the doctor names one that has none', async () => {
    const { gizzard } = flock;
    const shard: ShardInfo = {
      id: { hostname: db1, tablePrefix: 'gone' },
      type: 'flock',
      attributes: {},
      busy: 'normal',
    };
    await gizzard.apply([{ kind: 'createShard', shard }]);
    const { version } = await gizzard.apply([{ kind: 'deleteShard', id: shard.id }]);
    await gizzard.undo(version);
    expect(gizzard.topology.hasShard(shard.id)).toBe(true);
    const { host, port, user, password } = config.databaseHosts[db1]!;
    const connection = await createConnection({ host, port, user, password, database: config.cluster });
    await connection.query('DROP TABLE gone_edges, gone_nodes');
    await connection.end();
    expect((await gizzard.doctor.examine()).map(({ kind, subject }) => `${kind} ${subject}`)).toContain(
      `missingTables ${db1}/gone`,
    );
    const { version: deleted } = await gizzard.apply([{ kind: 'deleteShard', id: shard.id }]);
    await expect(gizzard.undo(deleted)).rejects.toEqual(refused(`the tables of shard ${db1}/gone are gone`));
  });
});
