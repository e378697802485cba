import { describe, expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import { append, notesOf, notesTable } from '../../test/support/notes.js';
import { notesCluster } from '../../test/support/notesCluster.js';
import { nameServerSchema } from '../nameServer/nameServerTables.js';
import type { Gizzard } from '../gizzard.js';
import { fromStoredJson, toStoredJson } from '../moving/storedJson.js';
import { AttributeForms } from '../shardAttributes.js';
import type { ShardUpgrade } from '../shardType.js';
import { changesFromJson, changesToJson } from '../topology/changeJson.js';
import type { Change } from '../topology/changes.js';
import type { Attributes } from '../topology/types.js';

const cluster = notesCluster('upgrades', { errorDelaySeconds: 0.1 });
const soon = (): Deadline => Deadline.after(5_000);

/** Adds a column that writers of before do not need. `fail` is asked before each run. */
const addColumn = (
  database: () => string,
  fail: (shard: string) => boolean = () => false,
): ShardUpgrade<DatabaseHost> => ({
  title: 'add the column added',
  async run(host, { id }, deadline) {
    if (fail(`${host.name}/${id.tablePrefix}`)) throw new Error(`${id.tablePrefix} fails on purpose`);
    const table = `${id.tablePrefix}_notes`;
    const known = await host.rows(
      "SELECT 1 FROM information_schema.columns WHERE table_schema = ? AND table_name = ? AND column_name = 'added'",
      [database(), table],
      deadline,
    );
    if (known.length === 0)
      await host.run(
        `ALTER TABLE \`${database()}\`.\`${table}\` ADD COLUMN added INT NOT NULL DEFAULT 0`,
        [],
        deadline,
      );
  },
});

describe('the schema of shards', () => {
  it('is brought forward online, goes on where it was stopped, and is written by servers alone that know it', async () => {
    const before = await cluster.open({ hooks: {} });
    const database = (): string => before.config.cluster;
    await append(before, [{ key: 1n, value: 1 }], { wait: true });
    let failing = true;
    const upgrades = [addColumn(database, (shard) => failing && shard === `${cluster.db2}/second`)];
    const after = await cluster.open({ hooks: { upgrades } });
    const plan = await after.upgrades.plan();
    expect(plan.map(({ host, shard, from, to }) => [host, shard?.id.tablePrefix, from, to])).toEqual(
      [cluster.db1, cluster.db2].flatMap((host) => ['first', 'second'].map((prefix) => [host, prefix, 1, 2])),
    );
    await expect(after.upgrades.run(plan, 'a test')).rejects.toThrow('fails on purpose');
    // What the other host had is noted; this host's were not all done.
    const left = await after.upgrades.plan();
    expect(new Set(left.map(({ host }) => host))).toEqual(new Set([cluster.db2]));

    failing = false;
    await after.upgrades.run(left, 'a test');
    expect(await after.upgrades.plan()).toEqual([]);
    await after.upgrades.run(plan, 'a test');
    expect(
      await after.mysql
        .host(cluster.db2)
        .rows(`SELECT added FROM ${notesTable(after, { tablePrefix: 'first' })}`, [], soon()),
    ).toEqual([[0]]);

    // The server of before knows the topology by now. It writes nothing, and what it takes is the other's.
    await before.nameServer.reload();
    for (let i = 0; i < 20; i++) await append(before, [{ key: 2n, value: i }], { wait: true });
    await after.jobs.close(5_000);
    await append(before, [{ key: 3n, value: 3 }]);
    const again = await cluster.open({ hooks: { upgrades } });
    await expect.poll(async () => (await notesOf(again))[`${cluster.db1}/first`], { timeout: 10_000 }).toContain('3=3');
    expect((await before.jobs.sizes('high')).failing).toBe(0);
  });

  it('is the newest from the beginning where a shard is new', async () => {
    const gizzard = await cluster.open({ hooks: { upgrades: [addColumn(() => '')] } });
    expect(await gizzard.upgrades.plan()).toEqual([]);
    expect(gizzard.topology.shard({ hostname: cluster.db1, tablePrefix: 'first' })).toMatchObject({
      type: 'notes',
      schemaVersion: 2,
    });
  });
});

describe('attributes of shards', () => {
  const any = { values: 'anything', allows: () => true };
  const attributes = { color: { ...any, default: 'red' }, size: any, note: { ...any, default: '' } };
  /** A Gizzard that knows a type of shards with three attributes, of which Gizzard's wire has the first two. */
  const open = (): Promise<Gizzard> =>
    cluster.open({ work: false, shardTypes: [{ name: 'colored', attributes, create: () => Promise.resolve() }] });
  const id = (tablePrefix: string) => ({ hostname: cluster.db1, tablePrefix });
  const create = (name: string, given: Attributes): Change[] => [
    { kind: 'createShard', shard: { id: id(name), type: 'colored', attributes: given, busy: 'normal' } },
  ];

  it('of a release before have the names of their type, and stand in the name server by them after an upgrade', async () => {
    const first = await cluster.open({ work: false });
    const [store] = first.nameServer.replicas.stores;
    const table = (name: string): string => `\`${first.config.cluster}_nameserver\`.${name}`;
    const run = (sql: string, values: readonly string[] = []) => store!.host.run(sql, values, soon());
    const stored = (name: string) =>
      store!.host.rows(
        `SELECT source_type, destination_type, attributes FROM ${table('shards')} WHERE table_prefix = ?`,
        [name],
        soon(),
      );
    // As a release of before left it.
    await run(`ALTER TABLE ${table('shards')} DROP COLUMN attributes`);
    await run(`UPDATE ${table('schema_version')} SET version = 2`);
    await run(
      `INSERT INTO ${table('shards')} (hostname, table_prefix, type, source_type, destination_type) VALUES (?, 'old', 'colored', 'red', '7')`,
      [cluster.db1],
    );
    const gizzard = await open();
    expect(gizzard.topology.shard(id('old')).attributes).toEqual({ size: '7' });
    await gizzard.apply(create('fits', { size: '1', color: 'blue' }));
    expect(await stored('fits')).toEqual([['blue', '1', '{"color":"blue","size":"1"}']]);
    await expect(gizzard.apply(create('more', { size: '1', note: 'x' }))).rejects.toMatchObject({
      code: 'FailedPrecondition',
      message: expect.stringContaining('roost upgrade') as string,
    });
    const plan = await gizzard.upgrades.plan();
    expect(plan).toMatchObject([{ from: 2, to: nameServerSchema, steps: ['name the attributes of shards'] }]);
    for (let i = 0; i < 2; i++) await gizzard.upgrades.run(plan, 'a test');
    expect(await stored('old')).toEqual([['red', '7', '{"size":"7"}']]);
    await gizzard.apply(create('more', { note: 'x', size: '1' }));
    expect((await open()).topology.shard(id('more')).attributes).toEqual({ size: '1', note: 'x' });
    // Making it again, in whatever form, changes nothing.
    await gizzard.apply(create('more', { note: 'x', size: '1', color: 'red' }));
    await expect(gizzard.apply(create('fits', { size: '1' }))).rejects.toMatchObject({ code: 'AlreadyExists' });
    await expect(gizzard.apply(create('bad', { color: 'blue' }))).rejects.toThrow(/size .* must be anything/);
    await expect(gizzard.apply(create('bad', { size: '1', taste: 'x' }))).rejects.toThrow(/no attribute taste/);
  });

  it('are read by releases before in changes and plans, as the two texts', () => {
    const changes = create('some', { size: '1', windowMs: '3600' });
    const json = changesToJson(changes);
    expect(JSON.parse(json)).toMatchObject([{ shard: { sourceType: '1', destinationType: '3600' } }]);
    expect(changesFromJson(json)).toEqual(changes);
    expect(fromStoredJson(toStoredJson(changes))).toEqual(changes);
    const before = toStoredJson(changes).replace(/,"attributes":\{[^}]*\}/, '');
    const forms = new AttributeForms(new Map([['colored', { name: 'colored', attributes }]]));
    expect(fromStoredJson(before, forms)).toMatchObject([{ shard: { attributes: { color: '1', size: '3600' } } }]);
  });
});

describe('the schema of the name server', () => {
  it('is brought forward, and no process of an earlier release starts on a newer one', async () => {
    const gizzard = await cluster.open();
    const [store] = gizzard.nameServer.replicas.stores;
    expect(await store!.schema.version(soon())).toBe(nameServerSchema);
    // As a release of before left it.
    const table = `\`${gizzard.config.cluster}_nameserver\`.schema_version`;
    await store!.host.run(`DROP TABLE ${table}`, [], soon());
    const behind = await cluster.open();
    const plan = await behind.upgrades.plan();
    expect(plan).toMatchObject([{ host: store!.host.name, from: 1, to: nameServerSchema }]);
    expect(plan[0]!.shard).toBeUndefined();
    await behind.upgrades.run(plan, 'a test');
    expect(await behind.upgrades.plan()).toEqual([]);
    await store!.schema.note(nameServerSchema + 1, soon());
    await expect(cluster.open()).rejects.toMatchObject({
      code: 'FailedPrecondition',
      message: expect.stringContaining('run a newer release') as string,
    });
  });
});
