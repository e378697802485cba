import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLog, Deadline } from '../../core/index.js';
import { openFlock, type Flock } from '../../flock/index.js';
import type { Finding, ShardId, ShardInfo } from '../../gizzard/index.js';
import { freshCluster } from '../support/index.js';

const { config } = freshCluster('doctor');
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
  await flock.write({ graphId, operations: 'add', sourceIds: BigInt64Array.of(1n, 1n, 2n), destinationIds: BigInt64Array.of(2n, 3n, 3n) }, { acknowledgement: 'materialized' });
});
afterAll(() => flock.close());

const shard = (id: ShardId, type = 'flock'): ShardInfo => ({ id, type, sourceType: '', destinationType: '', busy: 'normal' });
const kinds = (findings: readonly Finding[]): string[] => findings.map(({ kind, subject }) => `${kind} ${subject}`).sort();

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
  // What one counter has too much another has too little, so that the totals agree.
  const nodes = `\`${config.cluster}\`.\`${other.tablePrefix}_nodes\``;
  await gizzard.hosts.host(other.hostname).run(`UPDATE ${nodes} SET normal_count = IF(source_id = 1, 3, 0)`, [], Deadline.after(5_000));
  await gizzard.hosts.host(db2).run(`CREATE TABLE \`${config.cluster}\`.\`nobodys_edges\` (id BIGINT PRIMARY KEY)`, [], Deadline.after(5_000));

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
  expect(disagreement.message).toMatch(new RegExp(`table ${graphId} \\(follows\\) below ${root} .* nodes 1: .*${otherKey} has normal_count 3.*nodes 2: `));
  expect(disagreement.differences!.map(({ key: node, rows }) => [node, rows[key]!['normal_count'], rows[otherKey]!['normal_count']])).toEqual([
    ['1', '2', '3'],
    ['2', '1', '0'],
  ]);

  const fixed = await gizzard.doctor.fix(found, { dropTables: false });
  const repairs = fixed.flatMap(({ move }) => (move === undefined ? [] : [move]));
  expect(repairs).toHaveLength(1);
  await gizzard.moves.finished(repairs[0]!, new AbortController().signal);
  // The spare may be meant; the tables are dropped only where that is asked for, and those of the shard that went are nobody's now.
  const left = await gizzard.doctor.examine();
  expect(kinds(left)).toEqual([`idleLink ${root} → ${db2}/spare`, `unnamedTables ${db1}/lost`, `unnamedTables ${db2}/nobodys`].sort());
  // Tables that somebody has begun to use since stay.
  const taken = { hostname: db2, tablePrefix: 'nobodys' };
  await gizzard.apply([{ kind: 'createShard', shard: { id: taken, type: 'flock', sourceType: '', destinationType: '', busy: 'normal' } }]);
  await gizzard.doctor.fix(left, { dropTables: true });
  await gizzard.apply([{ kind: 'deleteShard', id: taken }]);
  const again = await gizzard.doctor.examine();
  expect(kinds(again)).toEqual([`idleLink ${root} → ${db2}/spare`, `unnamedTables ${db2}/nobodys`].sort());
  await gizzard.doctor.fix(again, { dropTables: true });
  expect(kinds(await gizzard.doctor.examine())).toEqual([`idleLink ${root} → ${db2}/spare`]);
});
