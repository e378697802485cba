import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFlock, type Flock } from '../../flock/index.js';
import { callRoost } from '../callRoost.js';
import type { Finished } from '../runRoost.js';
import { freshCluster } from '../support/index.js';

const { config, configPath } = freshCluster('moving_commands');
const [db1 = '', db2 = ''] = Object.keys(config.databaseHosts);
let server: Flock;
let graphId: number;

const roost = (...args: string[]): Promise<Finished> => callRoost([...args, '--config', configPath], '.');
async function answer<T>(...args: string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await roost(...args, '--json');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}

beforeAll(async () => {
  server = await openFlock(config, { work: true, create: true });
  graphId = (await server.createGraph('follows', { shards: 2, replicas: 1, hosts: [db1] })).id;
  await server.write(
    {
      graphId,
      operations: 'add',
      sourceIds: BigInt64Array.from({ length: 50 }, (_, i) => BigInt(i)),
      destinationIds: BigInt64Array.from({ length: 50 }, (_, i) => BigInt(i + 1)),
    },
    { acknowledgment: 'materialized' },
  );
});
afterAll(() => server.close());

const one = `replicating(flock(${db1}))`;
const both = `replicating(flock(${db1}), flock(${db2}))`;

describe('roost topology', () => {
  it('counts and draws the shapes of trees', async () => {
    expect(await answer('topology')).toMatchObject({
      shapes: [{ shape: one, count: 4 }],
      leaves: { [db1]: 4 },
      migrations: [],
    });
    const { stdout } = await roost('topology', '--tables', '1');
    expect(stdout).toContain(`2 × ${one}\n    replicating\n    └─ flock on ${db1}`);
    expect((await answer<{ trees: unknown[] }>('topology', '--forwardings')).trees).toHaveLength(4);
  });
});

describe('roost transform', { timeout: 120_000 }, () => {
  it('shows its plan and changes nothing with --dry-run, and nothing without --yes where nobody can be asked', async () => {
    const before = server.gizzard.topology.version;
    const { plans, copies, warnings } = await answer<{
      plans: { steps: { phase: string }[] }[];
      copies: number;
      warnings: string[];
    }>('transform', one, both, '--tables', '1', '--dry-run');
    expect(copies).toBe(2);
    expect(warnings).toEqual([expect.stringMatching(/^free space on db2 is unknown; \d+ MiB needed: set/)]);
    expect(plans[0]!.steps.map(({ phase }) => phase)).toEqual(['prepare', 'prepare', 'copy', 'verify', 'settle']);
    const { summary } = await answer<{ summary: object }>('transform', one, both, '--tables', '1', '--dry-run');
    expect(summary).toMatchObject({
      trees: 2,
      copies: 2,
      hosts: [{ host: db2, leaving: { shards: 0 }, arriving: { shards: 2 } }],
    });
    const shown = (await roost('transform', one, both, '--tables', '1', '--dry-run')).stdout;
    expect(shown).toMatch(/host +shards leave +rows +bytes +shards arrive +rows +bytes +free now\n/);
    expect(shown).toContain('2 trees change, 2 shards are copied, about');
    expect(shown).not.toContain('copy     copy');
    expect((await roost('transform', one, both, '--tables', '1', '--dry-run', '--verbose')).stdout).toContain(
      `copy     copy ${db1}/follows_forward_0001`,
    );
    const refused = await roost('transform', one, both, '--tables', '1');
    expect(refused.exitCode).toBe(13);
    expect(refused.stderr).toContain('needs --yes: 2 shards are copied while everything is read and written');
    const unsound = await roost('transform', one, `flock(${db2}, "TEXT", "BIGINT UNSIGNED")`, '--tables', '1', '--yes');
    expect(unsound.exitCode).toBe(13);
    expect(unsound.stderr).toContain('(flock) must be INT UNSIGNED or BIGINT UNSIGNED, not "TEXT"');
    await server.gizzard.nameServer.reload();
    expect(server.gizzard.topology.version).toBe(before);
    expect(await answer('migrations', 'list', '--all')).toEqual({ migrations: [] });
  });

  it('runs on the servers, and ends as the operator chooses', async () => {
    const begun = await answer<{ migrations: { id: number; state: string }[]; next_steps: string[] }>(
      'transform',
      one,
      both,
      '--tables',
      '1',
      '--yes',
      '--wait',
    );
    expect(begun.migrations.map(({ state }) => state)).toEqual(['done', 'done']);
    const moved = await answer<{ migrations: { id: number; state: string }[]; next_steps: string[] }>(
      'move',
      `${db2}/follows_forward_0000`,
      db1,
      '--yes',
      '--wait',
    ).catch((error: unknown) => error);
    // The tree already has a copy there.
    expect(moved).toBeInstanceOf(Error);
    const shrunk = await answer<{ migrations: { id: number; state: string }[]; next_steps: string[] }>(
      'transform',
      both,
      `replicating(flock(${db2}))`,
      '--tables',
      '1',
      '--yes',
      '--wait',
    );
    const [first, second] = shrunk.migrations;
    expect(shrunk.migrations.map(({ state }) => state)).toEqual(['settled', 'settled']);
    expect(shrunk.next_steps).toEqual([
      `roost migrations cleanup ${first!.id} ${second!.id}`,
      `roost migrations rollback ${first!.id} ${second!.id}`,
    ]);
    expect(
      (await answer<{ migrations: { phase: string }[] }>('migrations', 'list')).migrations.map(({ phase }) => phase),
    ).toEqual(['cleanup', 'cleanup']);
    const report = await roost('migrations', 'show', String(first!.id));
    expect(report.stdout).toContain(`migration ${first!.id} is settled`);
    expect(report.stdout).toMatch(/✓ settle {3}read from the new shards/);
    await answer('migrations', 'rollback', String(first!.id), '--yes');
    await answer('migrations', 'cleanup', String(second!.id), '--yes');
    const never = new AbortController().signal;
    expect(await server.gizzard.migrations.atRest(first!.id, never)).toMatchObject({ state: 'rolledBack' });
    expect(await server.gizzard.migrations.atRest(second!.id, never)).toMatchObject({ state: 'done' });
    expect((await answer<{ shapes: unknown[] }>('topology', '--tables', '1')).shapes).toHaveLength(2);
    expect(await answer('migrations', 'list')).toEqual({ migrations: [] });
    expect((await roost('migrations', 'rollback', String(second!.id), '--yes')).stderr).toContain(
      'cannot be rolled back',
    );
  });
});

describe('roost shard', () => {
  it('copies, compares and repairs shards', async () => {
    const source = server.gizzard.topology.routes(-graphId)[0]!.leaves[0]!.shard.id;
    const from = `${source.hostname}/${source.tablePrefix}`;
    expect((await roost('shard', 'create', 'flock', `${db2}/beside`)).exitCode).toBe(0);
    const different = await answer<{ differenceCount: number; differences: { rows: Record<string, unknown> }[] }>(
      'shard',
      'diff',
      from,
      `${db2}/beside`,
    );
    expect(different.differenceCount).toBeGreaterThan(20);
    expect(different.differences[0]!.rows[`${db2}/beside`]).toBeNull();
    expect((await roost('shard', 'copy', from, `${db2}/beside`)).stderr).toContain('needs --yes');
    expect(await answer('shard', 'copy', from, `${db2}/beside`, '--yes', '--wait')).toMatchObject({
      kind: 'copy',
      differenceCount: 0,
    });
    expect((await roost('shard', 'diff', from, `${db2}/beside`)).stdout).toMatch(/^no difference in \d+ rows/);
    expect(await answer('shard', 'repair', from, `${db2}/beside`, '--yes', '--wait')).toMatchObject({
      differenceCount: 0,
    });
    expect((await roost('shard', 'moves', '--all')).stdout).toContain(`copy ${from} → ${db2}/beside is done: 100%`);
    const examined = await roost('doctor', '--json');
    expect(examined.exitCode).toBe(3);
    expect(
      (JSON.parse(examined.stdout) as { findings: { kind: string }[] }).findings.map(({ kind }) => kind),
    ).toContain('unusedShard');
    expect(await answer('doctor', '--fix', '--yes')).toMatchObject({
      fixed: [{ kind: 'unusedShard', subject: `${db2}/beside` }],
    });
    expect(await answer('doctor', '--fix', '--drop-tables', '--yes')).toMatchObject({
      fixed: [{ kind: 'unnamedTables', subject: `${db2}/beside` }],
    });
    expect(await roost('doctor')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('well: everything was looked at, and nothing was found') as string,
    });
  });
});

describe('what is wrong is refused, and nothing is changed', () => {
  it.each([
    [
      'a template that does not parse',
      ['transform', 'replicating(flock(x)', 'flock(x)', '--yes'],
      2,
      'does not parse at character 21',
    ],
    [
      'a type that there is not',
      ['transform-tree', 'flok(x)', 'localhost/a', '--yes'],
      10,
      'a leaf of type flok, which no store brings',
    ],
    [
      'a shape that no tree has',
      ['transform', 'flock(nowhere)', 'flock(x)', '--yes'],
      11,
      'no tree has the shape flock(nowhere)',
    ],
    [
      'a host that is not configured',
      ['rebalance', '--hosts', 'nowhere,no_other', '--yes'],
      13,
      'host nowhere is not in the configuration',
    ],
    ['a shard that is not there', ['move', 'a/b', 'c', '--yes'], 11, 'there is no shard a/b'],
    ['weights that are all 0', ['rebalance', '--hosts', 'a=0', '--yes'], 10, 'weight'],
    ['neither hosts nor shapes', ['rebalance', '--yes'], 10, 'either --hosts or shapes are needed'],
    ['a split outside the keys', ['split', '1', '0', '--at', '0', '--yes'], 10, 'can be split between 1 and'],
    ['a table that is not there', ['split', '99', '0', '--yes'], 11, 'there is no table 99'],
    ['a merge of the last tree', ['merge', '1', '576460752303423488', '--yes'], 10, 'two or more are needed'],
    ['a migration that is not there', ['migrations', 'show', '999'], 11, 'there is no migration 999'],
    [
      'a rollback of one that is not there',
      ['migrations', 'rollback', '999', '--yes'],
      11,
      'there is no migration 999',
    ],
    [
      'a floor above the ceiling',
      ['shard', 'diff', 'a/b', 'c/d', '--min-rate', '5', '--max-rate', '2'],
      11,
      'there is no shard a/b',
    ],
    ['a table that is there', ['create-table', '1', 'flock(x)', '--name', 'again'], 12, 'there is a table 1 already'],
  ])('%s', async (_what, args, exitCode, message) => {
    await server.gizzard.nameServer.reload();
    const before = server.gizzard.topology.version;
    const finished = await roost(...args);
    expect({ exitCode: finished.exitCode, stderr: finished.stderr }).toEqual({
      exitCode,
      stderr: expect.stringContaining(message) as unknown,
    });
    await server.gizzard.nameServer.reload();
    expect(server.gizzard.topology.version).toBe(before);
  });

  it('refuses a target without room', async () => {
    const small = {
      ...config,
      databaseHosts: { ...config.databaseHosts, [db2]: { ...config.databaseHosts[db2]!, capacityBytes: 1_000 } },
    };
    const flock = await openFlock(small);
    try {
      const planner = await flock.gizzard.migrations.planner();
      const from = planner.template(-graphId, 0n);
      const plan = planner.plan(
        -graphId,
        [0n],
        [{ baseId: 0n, template: { ...from, children: [...from.children, { ...from.children[0]!, host: db2 }] } }],
      )!;
      await expect(flock.gizzard.migrations.begin([plan])).rejects.toMatchObject({
        code: 'FailedPrecondition',
        message: expect.stringContaining(`host ${db2} has no room`) as unknown,
      });
      expect(await flock.gizzard.migrations.list({ active: true })).toEqual([]);
    } finally {
      await flock.close();
    }
  });
});
