import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { defineStore, openCluster } from '../../cluster/index.js';
import { Deadline, RoostError } from '../../core/index.js';
import { flockStore, openFlock, type Flock } from '../../flock/index.js';
import type { Finding, ShardId, ShardInfo } from '../../gizzard/index.js';
import { createLog } from '../../process/index.js';
import { callRoost } from '../callRoost.js';
import { openUsers } from '../../users/index.js';
import { freshCluster } from '../support/index.js';

const { config, configPath } = freshCluster('doctor', { jobs: { errorLimit: 2, errorDelaySeconds: 0.1 } });
const ofUsers = freshCluster('doctor_users');
// The process that watches the name server repairs a replica that stays behind; no process watches while the test
// runs.
const unserved = freshCluster('doctor_unserved', { nameServer: { hosts: ['db1', 'db2'], reloadSeconds: 3_600 } });
const [db1 = '', db2 = ''] = Object.keys(config.databaseHosts);
const warnings: string[] = [];
const said = new Writable({
  write(line, _encoding, done) {
    warnings.push(String(line));
    done();
  },
});
let flock: Flock;
let graphId: number;

beforeAll(async () => {
  flock = await openFlock(config, { work: true, create: true, log: createLog('warn', said) });
  graphId = (await flock.createGraph('follows', { shards: 1, replicas: 2 })).id;
  await flock.write(
    {
      graphId,
      operations: 'add',
      sourceIds: BigInt64Array.of(1n, 1n, 2n),
      destinationIds: BigInt64Array.of(2n, 3n, 3n),
    },
    { acknowledgment: 'materialized' },
  );
});
afterAll(() => flock.close());

const shard = (id: ShardId, type = 'flock'): ShardInfo => ({
  id,
  type,
  attributes: {},
  busy: 'normal',
});
const kinds = (findings: readonly Finding[]): string[] =>
  findings.map(({ kind, subject }) => `${kind} ${subject}`).sort();

it('finds nothing in a cluster that is well, and whose server had nothing to complain of', async () => {
  expect(await flock.gizzard.doctor.examine()).toEqual([]);
  expect(warnings).toEqual([]);
});

it('finds what was left behind, and puts it right', async () => {
  const { gizzard } = flock;
  const [route] = gizzard.topology.routes(graphId);
  const [leaf, other] = route!.leaves.map((one) => one.shard.id) as [ShardId, ShardId];
  const lost = { hostname: db1, tablePrefix: 'lost' };
  const spare = { hostname: db2, tablePrefix: 'spare' };
  const node = { hostname: 'localhost', tablePrefix: 'left_over' };
  await gizzard.apply([
    { kind: 'createShard', shard: shard(lost) },
    { kind: 'createShard', shard: shard(spare) },
    { kind: 'createShard', shard: shard(node, 'replicating') },
    { kind: 'addLink', link: { parent: node, child: leaf, weight: 1 } },
    { kind: 'addLink', link: { parent: route!.root.id, child: spare, weight: 0 } },
    { kind: 'markBusy', id: leaf, busy: 'busy' },
  ]);
  // One counter is too high by as much as another is too low, so the totals agree.
  const nodes = `\`${config.cluster}\`.\`${other.tablePrefix}_nodes\``;
  await gizzard.mysql
    .host(other.hostname)
    .run(`UPDATE ${nodes} SET normal_count = IF(source_id = 1, 3, 0)`, [], Deadline.after(5_000));
  await gizzard.mysql
    .host(db2)
    .run(`CREATE TABLE \`${config.cluster}\`.\`nobodys_edges\` (id BIGINT PRIMARY KEY)`, [], Deadline.after(5_000));

  const root = `${route!.root.id.hostname}/${route!.root.id.tablePrefix}`;
  const key = `${leaf.hostname}/${leaf.tablePrefix}`;
  const found = await gizzard.doctor.examine();
  expect(kinds(found)).toEqual(
    [
      `busyWithoutMove ${key}`,
      `disagreeingReplicas ${root}`,
      `idleLink ${root} → ${db2}/spare`,
      `leftOverLink localhost/left_over → ${key}`,
      `unnamedTables ${db2}/nobodys`,
      `unusedShard ${db1}/lost`,
      'unusedShard localhost/left_over',
    ].sort(),
  );

  const disagreement = found.find(({ kind }) => kind === 'disagreeingReplicas')!;
  const otherKey = `${other.hostname}/${other.tablePrefix}`;
  expect(disagreement.message).toMatch(
    new RegExp(`table ${graphId} \\(follows\\) below ${root} .* nodes 1: .*${otherKey} has normal_count 3.*nodes 2: `),
  );
  expect(
    disagreement.differences!.map(({ key: node, rows }) => [
      node,
      rows[key]!['normal_count'],
      rows[otherKey]!['normal_count'],
    ]),
  ).toEqual([
    ['1', '2', '3'],
    ['2', '1', '0'],
  ]);

  const fixed = await gizzard.doctor.fix(found, { dropTables: false });
  const repairs = fixed.flatMap(({ move }) => (move === undefined ? [] : [move]));
  expect(repairs).toHaveLength(1);
  await gizzard.moves.finished(repairs[0]!, new AbortController().signal);
  // The spare may be intended. Tables are dropped only on request, and the tables of the deleted shard now belong to
  // no shard.
  const left = await gizzard.doctor.examine();
  expect(kinds(left)).toEqual(
    [`idleLink ${root} → ${db2}/spare`, `unnamedTables ${db1}/lost`, `unnamedTables ${db2}/nobodys`].sort(),
  );
  // Tables that have come into use since then stay.
  const taken = { hostname: db2, tablePrefix: 'nobodys' };
  await gizzard.apply([{ kind: 'createShard', shard: { id: taken, type: 'flock', attributes: {}, busy: 'normal' } }]);
  await gizzard.doctor.fix(left, { dropTables: true });
  await gizzard.apply([{ kind: 'deleteShard', id: taken }]);
  const again = await gizzard.doctor.examine();
  expect(kinds(again)).toEqual([`idleLink ${root} → ${db2}/spare`, `unnamedTables ${db2}/nobodys`].sort());
  await gizzard.doctor.fix(again, { dropTables: true });
  expect(kinds(await gizzard.doctor.examine())).toEqual([`idleLink ${root} → ${db2}/spare`]);
});

it('names what is denied, missing, apart and lagging, and says where it could not look', async () => {
  const { gizzard } = flock;
  const { id } = await flock.createGraph('blocks', { shards: 1, replicas: 2 });
  const [route] = gizzard.topology.routes(id);
  const [first] = route!.leaves.map((leaf) => leaf.shard.id) as [ShardId];
  const wrapper = { hostname: 'localhost', tablePrefix: 'closed' };
  await gizzard.apply([
    { kind: 'createShard', shard: shard(wrapper, 'readOnly') },
    { kind: 'addLink', link: { parent: wrapper, child: first, weight: 1 } },
    { kind: 'removeLink', parent: route!.root.id, child: first },
    { kind: 'addLink', link: { parent: route!.root.id, child: wrapper, weight: 1 } },
    { kind: 'setHostWeight', weight: { hostname: db2, read: 0, write: 1 } },
    { kind: 'pauseJobs', priority: 'low' },
  ]);
  const backward = gizzard.topology.routes(-id)[0]!.leaves[0]!.shard.id;
  await gizzard.mysql
    .host(backward.hostname)
    .run(`DROP TABLE \`${config.cluster}\`.\`${backward.tablePrefix}_nodes\``, [], Deadline.after(5_000));
  await flock.write(
    { graphId: id, operations: 'add', sourceIds: BigInt64Array.of(1n), destinationIds: BigInt64Array.of(2n) },
    { acknowledgment: 'journaled' },
  );
  const checked = defineStore({
    name: 'checked',
    open: () => undefined,
    shardTypes: () => [],
    jobTypes: () => [],
    doctorChecks: () => [
      { name: 'the weather', examine: () => Promise.reject(new RoostError('Unavailable', 'it is dark')) },
      { name: 'the store', examine: () => [{ kind: 'ofTheStore', subject: 'store', message: 'its own' }] },
    ],
  });
  const cache = { ...config.cache, listIds: 500 };
  const ofOther = { ...config, cache, moves: { ...config.moves, movesAtOnce: 7 } };
  const other = (await openCluster(ofOther, [flockStore, checked], { work: true })).stores.flock;
  try {
    flock.gizzard.servers.describe({ machine: 'one', managerPort: 1, version: '1.0.0' });
    other.gizzard.servers.describe({ machine: 'two', managerPort: 2, version: '1.1.0' });
    const one = async (kind: string): Promise<string | undefined> =>
      (await other.gizzard.doctor.examine()).find((found) => found.kind === kind)?.message;
    await expect
      .poll(() => one('differentVersions'), { timeout: 10_000 })
      .toBe('servers run different releases (server one:1: 1.0.0; server two:2: 1.1.0)');
    expect(await one('differentConfigurations')).toMatch(
      /server (one|two):\d: moves=[0-9a-f]{8} flock=[0-9a-f]{8}; server (one|two):\d: moves=[0-9a-f]{8} flock=[0-9a-f]{8}/,
    );
    const key = (id: ShardId): string => `${id.hostname}/${id.tablePrefix}`;
    expect(await one('deniedShard')).toBe(
      `localhost/closed (readOnly) refuses writes of ${key(first)}; \`roost shard unwrap localhost/closed\` takes it away`,
    );
    expect(await one('deniedHost')).toBe(
      `host ${db2} is not read (read weight 0); \`roost host weight ${db2}\` changes that`,
    );
    expect(await one('pausedQueue')).toMatch(/^jobs of low priority are paused, and 0 wait/);
    expect(await one('missingTables')).toContain(
      `lacks tables on ${backward.hostname}, ${backward.tablePrefix}_nodes: bring`,
    );
    await expect
      .poll(
        async () =>
          (await other.gizzard.doctor.examine())
            .filter(({ kind }) => kind === 'laggingReplicas')
            .map(({ message }) => message)
            .join('\n'),
        { timeout: 10_000 },
      )
      .toContain(`${key(first)} lacks 1`);
    expect(await one('ofTheStore')).toBe('its own');
    const findings = await other.gizzard.doctor.examine();
    expect(findings.filter(({ kind }) => kind === 'notExamined').map(({ message }) => message)).toContain(
      'the weather could not be looked at: it is dark',
    );
  } finally {
    await other.close();
  }
  const { exitCode, stdout } = await callRoost(['doctor', '--config', configPath], '.');
  expect({ exitCode, well: stdout.includes('well:') }).toEqual({ exitCode: 3, well: false });
  // This row is the one that a killed server leaves.
  await gizzard.mysql
    .host('db1')
    .run(
      `INSERT INTO \`${config.cluster}_nameserver\`.servers (id, version, info, seen_at) VALUES ('x', 1, ?, UTC_TIMESTAMP(3) - INTERVAL 60 SECOND)`,
      [JSON.stringify({ machine: 'gone', managerPort: 9 })],
      Deadline.after(5_000),
    );
  expect(
    (await gizzard.doctor.examine()).filter(({ kind }) => kind === 'silentServer').map(({ message }) => message),
  ).toEqual([expect.stringMatching(/^server gone:9 ended without a word, .* for 6\d s$/)]);
});

it('compares all rows of a store without counters, and merges replicas of which one missed a write', async () => {
  const users = await openUsers(ofUsers.config, { work: true, create: true });
  try {
    await users.setup({ shards: 1, replicas: 2 });
    const { gizzard } = users;
    for (const name of ['older', 'newer'])
      await users.put([{ id: 1n, name, screenName: 'one', flags: 0 }], { acknowledgment: 'materialized' });
    expect(await gizzard.doctor.examine()).toEqual([]);
    const { id } = gizzard.topology.routes(gizzard.topology.tables[0]!.tableId)[0]!.leaves[1]!.shard;
    const table = `\`${ofUsers.config.cluster}\`.\`${id.tablePrefix}_users\``;
    await gizzard.mysql
      .host(id.hostname)
      .run(`UPDATE ${table} SET name = 'older', name_at = name_at - 1`, [], Deadline.after(5_000));

    const found = await gizzard.doctor.examine();
    expect(found).toMatchObject([
      {
        kind: 'disagreeingReplicas',
        message: expect.stringMatching(/users 1: .*newer at \d+.*older at \d+/) as string,
      },
    ]);
    const [fixed] = await gizzard.doctor.fix(found, { dropTables: false });
    await gizzard.moves.finished(fixed!.move!, new AbortController().signal);
    expect(await gizzard.doctor.examine()).toEqual([]);
    expect(await gizzard.mysql.host(id.hostname).rows(`SELECT name FROM ${table}`, [], Deadline.after(5_000))).toEqual([
      ['newer'],
    ]);
  } finally {
    await users.close();
  }
});

it('finds work that waits while no server runs, a move that rests, and replicas of the name server that differ or are behind', async () => {
  const { config } = unserved;
  const flock = await openFlock(config, { create: true });
  try {
    const { gizzard } = flock;
    const { id } = await flock.createGraph('follows', { shards: 1, replicas: 2 });
    expect(await gizzard.doctor.examine()).toEqual([]);
    await flock.write({
      graphId: id,
      operations: 'add',
      sourceIds: BigInt64Array.of(1n),
      destinationIds: BigInt64Array.of(2n),
    });
    const leaves = (table: number) => gizzard.topology.routes(table)[0]!.leaves.map(({ shard }) => shard.id);
    const [waits, rests] = [
      await gizzard.moves.request('diff', leaves(id)),
      await gizzard.moves.request('diff', leaves(-id)),
    ];
    const sql = (host: string, statement: string): Promise<unknown> =>
      gizzard.mysql
        .host(host)
        .run(statement.replaceAll('#', `\`${config.cluster}_nameserver\``), [], Deadline.after(5_000));
    for (const host of ['db1', 'db2']) await sql(host, `UPDATE #.moves SET state = 'paused' WHERE id = ${rests}`);
    await sql('db2', 'DELETE FROM #.links');
    const messages = async (): Promise<string[]> => (await gizzard.doctor.examine()).map(({ message }) => message);
    expect(waits).not.toBe(rests);
    expect(await messages()).toEqual(
      expect.arrayContaining([
        'no server runs, and work waits (jobs 1, moves 1): `roost serve` starts one',
        `move ${rests} is paused; \`roost shard moves\` shows it`,
        expect.stringMatching(
          /^the name server's replica on db2 holds something else than the others \(links: 4 missing\); /,
        ),
      ]),
    );
    await sql('db2', 'RENAME TABLE #.meta TO #.away');
    expect(await messages()).toContainEqual(
      expect.stringMatching(/^the name server's replica on db2 is behind the others; `roost nameserver repair` /),
    );
  } finally {
    await flock.close();
  }
});
