import { afterAll, beforeAll, expect, it } from 'vitest';
import { stores } from '../cli/stores.js';
import { openCluster, type CheckReport, type Cluster } from '../cluster/index.js';
import { Deadline } from '../core/index.js';
import { tableIdOf } from '../flock/graphs.js';
import { differingRows, shardKey, type ShardId } from '../gizzard/index.js';
import { usersTableId } from '../users/index.js';
import { callRoost } from './callRoost.js';
import { untilApplied } from './flock/untilApplied.js';
import type { Finished } from './runRoost.js';
import { freshCluster } from './support/index.js';

const { config, configPath } = freshCluster('flipped_rows', { nameServer: { hosts: ['db1'], reloadSeconds: 0.1 } });
const materialized = { acknowledgment: 'materialized' } as const;
/** Two for each column of the largest table. */
const ids = Array.from({ length: 26 }, (_, i) => BigInt(10 * (i + 1)));
let cluster: Cluster<typeof stores>;

beforeAll(async () => {
  cluster = await openCluster(config, stores, { work: true, create: true });
  const { flock, tbird, users } = cluster.stores;
  await users.setup({ shards: 1, replicas: 2 });
  await users.put(
    ids.map((id) => ({ id, name: 'Jack', screenName: 'jack', flags: 2 })),
    materialized,
  );
  for (const name of ['follows', 'blocks']) {
    const { id: graphId } = await flock.createGraph(name, { shards: 1, replicas: 2 });
    const ends = BigInt64Array.from(ids);
    await flock.write({ graphId, operations: 'add', sourceIds: ends, destinationIds: ends }, materialized);
  }
  await tbird.setup({ graphShards: 1, policy: { replicas: 2, stripes: 1 } });
  // Ids of one server are consecutive: a flipped bit must not make the id of another tweet.
  for (const userId of ids) {
    const [id] = await tbird.reserveIds(2);
    await tbird.create([{ id: id! & ~1n, userId, text: 'a tweet', extra: '{"a":1}' }], materialized);
  }
  await untilApplied(flock);
});
afterAll(() => cluster?.close());

/** An expression with the lowest or the highest bit of a column flipped; of a text, in its first letter. */
function flipped(column: string, type: string, highest: boolean): string {
  const size = /^(tiny|big)?int/.exec(type);
  if (size === null) {
    const text = `COALESCE(${column}, '[]')`;
    return `CONCAT(CHAR(ASCII(${text}) ^ ${highest ? 64 : 1}), SUBSTRING(${text}, 2))`;
  }
  const bits = size[1] === 'tiny' ? 8 : size[1] === 'big' ? 64 : 32;
  const number = `CAST(COALESCE(${column}, 0) AS UNSIGNED) ^ (1 << ${highest ? bits - 1 : 0})`;
  return type.includes('unsigned') ? number : `CAST(${number} AS SIGNED)`;
}

/**
 * Flips the lowest and the highest bit of each column of a table, each in a row of its own. Returns the first column
 * of the key of each row by its flip.
 */
async function flipEach({ hostname, tablePrefix }: ShardId, table: string, key: string): Promise<Map<string, string>> {
  const host = cluster.gizzard.mysql.host(hostname);
  const within = Deadline.after(10_000);
  const name = `\`${config.cluster}\`.\`${tablePrefix}_${table}\``;
  const columns = (await host.rows(
    'SELECT column_name, column_type FROM information_schema.columns WHERE table_schema = ? AND table_name = ?',
    [config.cluster, `${tablePrefix}_${table}`],
    within,
  )) as [string, string][];
  const keys = (await host.rows(`SELECT ${key} FROM ${name} ORDER BY ${key}`, [], within)).map(([id]) => String(id));
  const flips = columns.flatMap(([column, type]) => [false, true].map((highest) => ({ column, type, highest })));
  for (const [i, { column, type, highest }] of flips.entries())
    await host.run(
      `UPDATE ${name} SET ${column} = ${flipped(column, type, highest)} WHERE ${key} = ?`,
      [keys[i]!],
      within,
    );
  return new Map(flips.map(({ column, highest }, i) => [`${highest ? 'highest' : 'lowest'} of ${column}`, keys[i]!]));
}

const roost = (...args: string[]): Promise<Finished> =>
  callRoost([...args, '--config', configPath], import.meta.dirname);

const both = (...columns: string[]): string[] =>
  columns.flatMap((column) => [`lowest of ${column}`, `highest of ${column}`]);

// `harmless` flips leave the row with the meaning that it had.
it.each([
  { store: 'users', table: 'users', key: 'id', tableId: () => usersTableId, harmless: [], left: [] },
  {
    store: 'flock',
    table: 'edges',
    key: 'source_id',
    tableId: () => tableIdOf(1, 'forward'),
    harmless: ['highest of own_state', ...both('peer_colour', 'peer_coloured_at', 'peer_removed_through')],
    left: [],
  },
  {
    store: 'flock',
    table: 'nodes',
    key: 'source_id',
    tableId: () => tableIdOf(2, 'forward'),
    harmless: ['highest of colour', 'highest of coloured_at', 'lowest of removed_through'],
    // A row that says nothing, as no row does.
    left: ['11'],
  },
  {
    store: 'tbird',
    table: 'tweets',
    key: 'id',
    tableId: () => cluster.stores.tbird.tableId,
    harmless: both('losers'),
    left: [],
  },
])(
  'finds a bit flipped in any column of $table on one replica, and repairs it',
  async ({ store, table, key, tableId, harmless, left }) => {
    const { gizzard } = cluster;
    const { leaves } = gizzard.topology.routes(tableId()).find((route) => route.leaves.length === 2)!;
    const shards = leaves.map(({ shard }) => shard);
    const movable = gizzard.shardType(shards[0]!.type)!.moving!.tables.find(({ name }) => name === table)!;
    const differing = async (): Promise<string[]> =>
      (await differingRows(movable, shards, (name) => gizzard.hosts.host(name), 1_000)).map((one) => one.key);

    const flips = await flipEach(shards[1]!.id, table, key);
    const found = new Set((await differing()).map((one) => one.split(',')[0]!));
    expect([...flips].flatMap(([flip, row]) => (found.has(row) ? [] : [flip]))).toEqual(harmless);
    const check = await roost('check', store, '--json', '--settle', '200');
    expect(check.exitCode).toBe(18);
    const report = (JSON.parse(check.stdout) as { stores: Record<string, CheckReport> }).stores[store]!;
    expect(report.found.join()).toContain(flips.get(`lowest of ${key}`));

    // As the report says: first rows whose key is no id, which a merge would copy.
    expect(report.remedies[0]).toMatch(/^roost shard strays/);
    expect(await roost('shard', 'strays', '--fix', '--yes')).toMatchObject({ exitCode: 0 });
    expect(await roost('shard', 'repair', ...shards.map(({ id }) => shardKey(id)), '--yes', '--wait')).toMatchObject({
      exitCode: 0,
    });
    // A repaired row may leave counters that the next round puts right.
    for (let round = 0; round < 3; round++) {
      await roost('check', store, '--repair', '--settle', '200');
      await untilApplied(cluster.stores.flock);
    }
    expect(await roost('check', store, '--settle', '200')).toMatchObject({ exitCode: 0 });
    expect(await differing()).toEqual(left);
  },
  60_000,
);
