import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCluster } from '../cluster/index.js';
import { Deadline } from '../core/index.js';
import { moveShard, shardKey, type Leaf, type Route } from '../gizzard/index.js';
import { Strays } from '../gizzard/moving/strays.js';
import { checkTweets, tbirdStore, routingKey, tweetsTableId, type Tbird } from '../tbird/index.js';
import { openUsers, usersStore, usersTableId } from '../users/index.js';
import { callRoost } from './callRoost.js';
import { untilApplied } from './flock/untilApplied.js';
import type { Finished } from './runRoost.js';
import { freshCluster } from './support/index.js';

const { config, configPath } = freshCluster('strays');
const [, db2 = ''] = Object.keys(config.databaseHosts);
let tbird: Tbird;

beforeAll(async () => {
  tbird = (await openCluster(config, [tbirdStore, usersStore], { work: true, create: true })).stores.tbird;
});
afterAll(() => tbird.close());

const roost = (...args: string[]): Promise<Finished> => callRoost([...args, '--config', configPath], '.');
const materialized = { acknowledgment: 'materialized' } as const;
const all = (ids: BigInt64Array, id: bigint): BigInt64Array => ids.map(() => id);
const destinations = BigInt64Array.from({ length: 30 }, (_, i) => 1_000n + BigInt(i));
const never = new AbortController().signal;

/**
 * Creates a graph of two trees; for a while, the forward rows of some nodes of the first tree were written to the
 * second.
 */
async function strayedGraph(
  name: string,
): Promise<{ readonly id: number; readonly sources: bigint[]; readonly wrong: Route; readonly home: Route }> {
  const { flock } = tbird;
  const { id } = await flock.createGraph(name, { shards: 2, replicas: 2 });
  const { gizzard } = tbird;
  const [home, wrong] = gizzard.topology.routes(id) as [Route, Route];
  const sources = Array.from({ length: 60 }, (_, i) => BigInt(i))
    .filter((source) => gizzard.topology.route(id, source).root === home.root)
    .slice(0, 8);
  const write = (operations: 'add' | 'remove' | 'archive', source: bigint, ids = destinations): Promise<void> =>
    flock.write({ graphId: id, operations, sourceIds: all(ids, source), destinationIds: ids }, materialized);
  for (const source of sources.slice(0, 4)) await write('add', source);
  await untilApplied(flock);
  await gizzard.apply([{ kind: 'setForwarding', forwarding: { tableId: id, baseId: 0n, shard: wrong.root.id } }]);
  // These rows are newer in the wrong tree: removed, added, and of an archived node.
  await write('remove', sources[0]!, destinations.subarray(0, 10));
  await write('add', sources[4]!);
  await write('add', sources[5]!);
  await flock.execute(
    [{ node: { graphId: id, id: sources[5]!, direction: 'forward', operation: 'archive' } }],
    materialized,
  );
  await write('remove', sources[1]!, destinations.subarray(0, 10));
  await untilApplied(flock);
  await gizzard.apply([{ kind: 'setForwarding', forwarding: { tableId: id, baseId: 0n, shard: home.root.id } }]);
  // These rows are newer at home than in the wrong tree.
  await write('add', sources[1]!, destinations.subarray(0, 10));
  await untilApplied(flock);
  return { id, sources, wrong, home };
}

async function expectAtHome(id: number, sources: readonly bigint[]): Promise<void> {
  const states = async (source: bigint): Promise<string> =>
    [...new Set(await tbird.flock.states(id, all(destinations, source), destinations))].join();
  expect(await states(sources[0]!)).toBe('removed,normal');
  expect(await states(sources[1]!)).toBe('normal');
  expect(await states(sources[4]!)).toBe('normal');
  expect(await states(sources[5]!)).toBe('archived');
  expect(await tbird.flock.check(id, { settleMs: 300 })).toMatchObject({ faults: 0 });
}

describe('rows in shards of other keys', { timeout: 60_000 }, () => {
  it('are named by the check, moved home by `shard strays --fix`, and what is newest wins', async () => {
    const { id, sources } = await strayedGraph('moved_home');
    const check = await roost('flock', 'check', 'moved_home', '--repair', '--settle', '300');
    expect(check.stdout).toContain('stands in a shard of other keys');
    for (const line of check.stdout.split('\n'))
      if (line.includes('of other keys')) expect(line).not.toContain('being repaired');
    expect(check.exitCode).not.toBe(0);
    expect(check.stderr).toContain(`roost shard strays --table=${id} --fix`);

    const found = await roost('shard', 'strays', `--table=${id}`, '--json');
    expect(found.exitCode).not.toBe(0);
    // 10 + 30 + 30 + 10 edges and four nodes, in two replicas.
    expect(JSON.parse(found.stdout)).toMatchObject({ count: 168, moved: 0, skipped: {} });
    expect((await roost('shard', 'strays', `--table=${id}`, '--fix')).stderr).toContain('needs --yes');
    const fixed = await roost('shard', 'strays', `--table=${id}`, '--fix', '--yes', '--json');
    expect({ exitCode: fixed.exitCode, ...(JSON.parse(fixed.stdout) as object) }).toMatchObject({
      exitCode: 0,
      count: 168,
      moved: 168,
      left: {},
    });
    expect(JSON.parse((await roost('shard', 'strays', `--table=${id}`, '--json')).stdout)).toMatchObject({ count: 0 });
    await expectAtHome(id, sources);
    expect((await roost('flock', 'check', 'moved_home', '--settle', '300')).exitCode).toBe(0);
  });

  it('stay where every replica of their tree does not hold them, or they are written meanwhile, and go on the next run', async () => {
    const { id, sources, wrong, home } = await strayedGraph('interrupted');
    const { gizzard } = tbird;
    const edges = gizzard.shardType('flock')!.moving!.tables.find(({ name }) => name === 'edges')!;
    const onLeaf = ({ shard }: Leaf, sql: (table: string) => string): Promise<unknown> =>
      gizzard.mysql
        .host(shard.id.hostname)
        .run(sql(`\`${config.cluster}\`.\`${shard.id.tablePrefix}_edges\``), [], Deadline.after(5_000));
    /** Runs `meanwhile` between the copy and the deletion. */
    const strays = (meanwhile: () => Promise<unknown>): Strays =>
      new Strays(
        gizzard.nameServer,
        gizzard.hosts,
        (type) => gizzard.moves.movableType(type),
        () => gizzard.migrations.reservations(),
        async (deadline, work) => {
          await meanwhile();
          return gizzard.moves.locked(deadline, work);
        },
        () => gizzard.moves.ratesBeside(),
      );
    const leaf = wrong.leaves[0]!;
    const ids = [leaf.shard.id];
    const rowsIn = async (): Promise<number> =>
      Number(
        (
          await edges.rows(gizzard.mysql.host(leaf.shard.id.hostname), leaf.shard, '', undefined, Deadline.after(5_000))
        ).filter((row) => sources.includes(edges.routingKey(row))).length,
      );

    await expect(strays(() => Promise.reject(new Error('killed'))).examine(ids, { fix: true })).rejects.toThrow(
      'killed',
    );
    expect(await rowsIn()).toBe(80);
    const lost = await strays(() =>
      onLeaf(home.leaves[0]!, (table) => `DELETE FROM ${table} WHERE source_id = ${sources[4]!}`),
    ).examine(ids, { fix: true });
    expect(await rowsIn()).toBe(30);
    expect([...lost.left.values()].reduce((a, b) => a + b)).toBe(31);
    const written = await strays(() =>
      onLeaf(leaf, (table) => `UPDATE ${table} SET updated_at = updated_at + 1 WHERE source_id = ${sources[4]!}`),
    ).examine(ids, { fix: true });
    expect([...written.left]).toEqual([['it was written meanwhile', 31]]);
    expect(await rowsIn()).toBe(30);
    for (const { shard } of wrong.leaves)
      expect((await gizzard.strays.examine([shard.id], { fix: true })).left.size).toBe(0);
    expect(await rowsIn()).toBe(0);
    // Rows that were deleted behind its back are not counted.
    await tbird.flock.check(id, { settleMs: 300, repair: true });
    await untilApplied(tbird.flock);
    await expectAtHome(id, sources);
  });

  it('stay while their tree, or that to which they belong, is in a migration', async () => {
    const { id, wrong, home } = await strayedGraph('migrating');
    const { gizzard } = tbird;
    const [plan] = moveShard(
      await gizzard.migrations.planner(),
      home.leaves.find(({ shard }) => shard.id.hostname === db2)!.shard.id,
      Object.keys(config.databaseHosts)[2] ?? db2,
    );
    const [migration] = plan === undefined ? [] : await gizzard.migrations.begin([plan]);
    if (migration === undefined) return;
    await gizzard.migrations.atRest(migration, never);
    const report = await gizzard.strays.examine(
      wrong.leaves.map(({ shard }) => shard.id),
      { fix: true },
    );
    expect(report).toMatchObject({ moved: 0 });
    expect([...report.left.keys()][0]).toContain(`is in migration ${migration}`);
    expect((await gizzard.strays.examine(home.leaves.map(({ shard }) => shard.id))).skipped.size).toBe(2);
    await gizzard.migrations.rollback(migration);
    await gizzard.migrations.atRest(migration, never);
    expect(
      (
        await gizzard.strays.examine(
          (await gizzard.strays.leavesOf([id])).map((shard) => shard.id),
          { fix: true },
        )
      ).left.size,
    ).toBe(0);
  });

  it('are found and moved home among tweets and users too', async () => {
    const { gizzard } = tbird;
    await tbird.setup({ policy: { stripes: 2, replicas: 2 }, graphShards: 1 });
    const created = await tbird.create(
      Array.from({ length: 12 }, (_, i) => ({ userId: 1n, text: `${i}` })),
      materialized,
    );
    const { windowMs } = await tbird.windowSet.policy();
    const users = await openUsers(config);
    await users.setup({ shards: 2, replicas: 2 });
    await gizzard.nameServer.reload();
    await users.put([{ id: 5n, name: 'Jack', screenName: 'jack', flags: 0 }], materialized);
    await users.close();
    const misplace = async (tableId: number, key: bigint, rowKey: string): Promise<Leaf> => {
      const home = gizzard.topology.route(tableId, key);
      const wrong = gizzard.topology
        .routes(tableId)
        .find(
          (route) =>
            route.root !== home.root &&
            route.leaves.length === home.leaves.length &&
            route.leaves[0]!.shard.type === home.leaves[0]!.shard.type,
        )!;
      const [table] = gizzard.moves.movableType(home.leaves[0]!.shard.type).tables;
      const host = (leaf: Leaf) => gizzard.mysql.host(leaf.shard.id.hostname);
      const rows = await table!.rowsAt(host(home.leaves[0]!), home.leaves[0]!.shard, [rowKey], Deadline.after(5_000));
      expect(rows).toHaveLength(1);
      for (const leaf of wrong.leaves) await table!.write(host(leaf), leaf.shard, rows, Deadline.after(5_000));
      return wrong.leaves[0]!;
    };
    const tweetLeaf = await misplace(tweetsTableId, routingKey(created[0]!, windowMs), String(created[0]));
    await misplace(usersTableId, 5n, '5');
    expect((await checkTweets(tbird)).strays).toMatchObject({
      count: 2,
      strays: [
        {
          table: 'tweets',
          key: String(created[0]),
          shard: expect.stringContaining(shardKey(tweetLeaf.shard.id).split('/')[1]!) as unknown,
        },
        {},
      ],
    });
    for (const tableId of [tweetsTableId, usersTableId]) {
      const ids = (await gizzard.strays.leavesOf([tableId])).map(({ id }) => id);
      expect(await gizzard.strays.examine(ids, { fix: true })).toMatchObject({ count: 2, moved: 2 });
      expect(await gizzard.strays.examine(ids)).toMatchObject({ count: 0 });
    }
    expect((await tbird.get(BigInt64Array.of(created[0]!)))[0]).toMatchObject({ text: '0' });
    expect((await checkTweets(tbird)).strays.count).toBe(0);
  });
});
