import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deadline } from '../core/index.js';
import { callManager } from '../cli/console/managers.js';
import { runCli } from '../cli/program.js';
import { callRoost, recordedIo } from './callRoost.js';
import { type ClusterServer, startClusterServer } from './clusterServer.js';
import type { Finished } from './runRoost.js';
import { freshCluster } from './support/index.js';

const { config, configPath } = freshCluster('dba', {
  jobs: { errorDelaySeconds: 60, errorLimit: 1 },
  nameServer: { hosts: ['db1'], reloadSeconds: 0.1 },
});
const folder = mkdtempSync(join(tmpdir(), 'roost-dba-'));
let server: ClusterServer;

beforeAll(async () => {
  server = await startClusterServer(config);
  await server.flock.createGraph('follows', { shards: 2, replicas: 2 });
  server.flock.gizzard.servers.describe({
    machine: 'testing',
    pid: 1,
    host: '127.0.0.1',
    managerPort: server.managerPort,
  });
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const roost = (...args: string[]): Promise<Finished> => callRoost([...args, '--config', configPath], folder);
/** Runs a command that must succeed, and returns its answer. */
async function answer(...args: string[]): Promise<Record<string, unknown>> {
  const { exitCode, stdout, stderr } = await roost(...args, '--json');
  expect({ exitCode, stderr }, args.join(' ')).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as Record<string, unknown>;
}
async function text(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await roost(...args);
  expect({ exitCode, stderr }, args.join(' ')).toEqual({ exitCode: 0, stderr: '' });
  return stdout;
}

const root = (i: number, direction = 'forward'): string => `localhost/follows_${direction}_000${i}_root`;
const leaf = (host: string, i: number, direction = 'forward'): string => `${host}/follows_${direction}_000${i}`;

describe('shards, links and forwardings', () => {
  it('are listed, filtered and described', async () => {
    expect(((await answer('shard', 'list'))['shards'] as unknown[]).length).toBe(12);
    expect((await answer('shard', 'find', '--host', 'db1', '--type', 'flock'))['shards']).toHaveLength(4);
    expect((await answer('shard', 'busy'))['shards']).toEqual([]);
    expect(await text('shard', 'busy')).toBe('none\n');
    expect((await answer('shard', 'info', root(0)))['shards']).toEqual([
      expect.objectContaining({
        shard: root(0),
        type: 'replicating',
        parents: [],
        children: [
          { shard: leaf('db1', 0), weight: 1 },
          { shard: leaf('db2', 0), weight: 1 },
        ],
        forwardings: [{ table: 1, base: '0' }],
      }),
    ]);
    expect(await text('shard', 'tree', leaf('db1', 0))).toBe(
      `replicating ${root(0)}\n├─ flock ${leaf('db1', 0)}\n└─ flock ${leaf('db2', 0)}\n`,
    );
    expect((await answer('link', 'list', leaf('db2', 1)))['links']).toEqual([
      { parent: root(1), child: leaf('db2', 1), weight: 1 },
    ]);
    expect(await text('forwarding', 'list', '--table', '-1', '--hex')).toMatch(
      /-1 \(follows, backward\)\s+0000000000000000\s+localhost\/follows_backward_0000_root/,
    );
    expect(await text('lookup', '-1', '12')).toMatch(/^table -1 \(follows\), hash \d+, forwarding from/);
    expect(await text('forwarding', 'trees', '1')).toContain(
      `from 0\n└─ replicating ${root(0)}\n   ├─ flock ${leaf('db1', 0)}`,
    );
    expect(await answer('forwarding', 'trees', '-1')).toMatchObject({ tables: [{ tableId: -1 }], hostWeights: [] });
  });

  it('are reported by shape', async () => {
    const { shapes } = (await answer('report')) as { shapes: { signature: string; trees: number; shape: string[] }[] };
    expect(shapes).toEqual([
      {
        signature: expect.stringMatching(/^[0-9a-f]{8}$/) as string,
        trees: 4,
        shape: ['replicating', '├─ flock', '└─ flock'],
      },
    ]);
    expect(((await answer('report', '--signature', shapes[0]!.signature))['roots'] as string[]).length).toBe(4);
    expect((await roost('report', '--signature', 'x')).stderr).toContain(shapes[0]!.signature);
  });

  it('are changed, and changed back from the audit', async () => {
    expect(await answer('shard', 'create', 'replicating', 'localhost/extra_0001')).toMatchObject({
      created: ['localhost/extra_0001'],
      warnings: [],
      next_steps: [expect.stringContaining('roost link add'), expect.stringContaining('roost audit undo')],
    });
    await answer('link', 'add', 'localhost/extra_0001', leaf('db1', 1), '--weight', '4');
    await answer('forwarding', 'set', '1', '77', 'localhost/extra_0001', '--yes');
    const { topologyVersion } = await answer('shard', 'wrap', 'blocked', 'localhost/extra_0001', '--yes');
    expect((await answer('shard', 'info', 'localhost/extra_0001_blocked'))['shards']).toMatchObject([
      { children: [{ shard: 'localhost/extra_0001' }], forwardings: [{ table: 1, base: '77' }] },
    ]);
    await answer('shard', 'unwrap', 'localhost/extra_0001_blocked');
    expect((await roost('shard', 'info', 'localhost/extra_0001_blocked')).exitCode).toBe(11);
    // Later changes do not prevent an undo: the wrapper comes back, and goes again.
    await answer('audit', 'undo', String(Number(topologyVersion) + 1), '--yes');
    await answer('audit', 'undo', String(topologyVersion), '--yes');
    await answer('forwarding', 'replace', 'localhost/extra_0001', root(0), '--yes');
    await answer('forwarding', 'remove', '1', '77', '--yes');
    await answer('link', 'remove', 'localhost/extra_0001', leaf('db1', 1), '--yes');
    await answer('shard', 'delete', 'localhost/extra_0001', '--yes');
    const { changes } = (await answer('audit', 'list', '--count', '3')) as {
      changes: { version: number; by: string; summary: string }[];
    };
    expect(changes.map(({ summary }) => summary)).toEqual([
      'delete shard localhost/extra_0001',
      `unlink localhost/extra_0001 → ${leaf('db1', 1)}`,
      'remove forwarding 1 at 77',
    ]);
    // Marks of copies are listed only if they are asked for.
    const { gizzard } = server.flock;
    await gizzard.nameServer.reload();
    await gizzard.apply([{ kind: 'markBusy', id: gizzard.topology.routes(1)[0]!.leaves[0]!.shard.id, busy: 'busy' }]);
    await gizzard.apply([{ kind: 'markBusy', id: gizzard.topology.routes(1)[0]!.leaves[0]!.shard.id, busy: 'normal' }]);
    expect(await answer('audit', 'list', '--count', '3')).toMatchObject({ changes });
    expect(
      ((await answer('audit', 'list', '--count', '3', '--busy')) as { changes: { summary: string }[] }).changes[0]!
        .summary,
    ).toMatch(/^mark .* as normal$/);
    await callManager({ host: '127.0.0.1', port: server.managerPort }, (manager) => manager.stop_writes_for(1));
    await answer('job', 'resume', 'low');
    const [, stopped] = ((await answer('audit', 'list', '--count', '2')) as { changes: { by: string }[] }).changes;
    expect(stopped!.by).toMatch(/^manager on \S+ \(process \d+\), for 127\.0\.0\.1$/);
    expect(changes[0]!.by).toMatch(/^roost shard delete, .+@.+ \(process \d+\)$/);
    expect(await text('audit', 'show', String(changes[0]!.version))).toMatch(
      /to undo it:\n {2}create shard localhost\/extra_0001 \(replicating\)/,
    );
  });

  it('are unwrapped together where one stands above the other', async () => {
    const before = await answer('forwarding', 'trees');
    await answer('shard', 'wrap', 'replicating', root(0), '--yes');
    await answer('shard', 'wrap', 'replicating', `${root(0)}_replicating`, '--yes');
    expect(
      await answer('shard', 'unwrap', `${root(0)}_replicating_replicating`, `${root(0)}_replicating`, '--yes'),
    ).toMatchObject({ unwrapped: { length: 2 } });
    expect((await answer('forwarding', 'trees'))['tables']).toEqual(before['tables']);
  });

  it('say what would be lost, and do nothing without --yes', async () => {
    const before = await answer('forwarding', 'trees');
    for (const [args, lost] of [
      [['shard', 'delete', leaf('db1', 0)], 'stay in their tables on db1'],
      [['link', 'remove', root(0), leaf('db1', 0)], 'misses the writes from now on'],
      [['forwarding', 'remove', '1', '0'], 'reads and writes of them fail'],
      [['forwarding', 'set', '1', '0', root(1)], 'no longer found'],
      [['shard', 'copy', leaf('db1', 0), leaf('db2', 1)], `they stand in different trees, ${root(0)} and ${root(1)}`],
      [['forwarding', 'set', '1', '6', root(1)], 'no longer found by keys from 6 on'],
      [['forwarding', 'set', '1', '6', leaf('db1', 1)], 'whose other shards will not hold what is written to it'],
      [['forwarding', 'replace', root(0), root(1)], 'no longer found'],
      [['audit', 'undo', '1'], 'remove table 1; remove table -1'],
      [
        ['shard', 'wrap', 'blackHole', leaf('db1', 0)],
        `writes are lost, and missing until a repair, on ${leaf('db1', 0)}`,
      ],
      [
        ['shard', 'wrap', 'blocked', root(0)],
        `no replica can be read below localhost/follows_forward_0000_root_blocked`,
      ],
      [['shard', 'wrap', 'readOnly', leaf('db1', 0)], `writes wait in the journal for ${leaf('db1', 0)}`],
      [['host', 'weight', 'db2', '--write', '0'], 'writes wait in the journal for db2/follows_backward_0000, '],
    ] as const) {
      const refused = await roost(...args);
      expect(refused, args.join(' ')).toMatchObject({ exitCode: 13, stdout: '' });
      expect(refused.stderr).toContain('--yes');
      expect(refused.stderr).toContain(lost);
    }
    expect(await answer('forwarding', 'trees')).toEqual(before);
  });

  it('ask for confirmation on a terminal', async () => {
    const { PassThrough } = await import('node:stream');
    for (const [typed, exitCode] of [
      ['no', 13],
      ['yes', 0],
    ] as const) {
      await answer('shard', 'create', 'replicating', 'localhost/asked_0001');
      const { io } = recordedIo(folder);
      const stdin = Object.assign(new PassThrough(), { isTTY: true });
      stdin.end(`${typed}\n`);
      Object.assign(io.stderr, { isTTY: true });
      expect(await runCli(['shard', 'delete', 'localhost/asked_0001', '--config', configPath], { ...io, stdin })).toBe(
        exitCode,
      );
    }
    expect((await roost('shard', 'info', 'localhost/asked_0001')).exitCode).toBe(11);
  });

  it('have the attributes of their type', async () => {
    const narrow = ['--attribute', 'sourceType=INT UNSIGNED', '--attribute', 'destinationType=BIGINT UNSIGNED'];
    await answer('shard', 'create', 'flock', 'db1/narrow_0001', ...narrow);
    expect((await answer('shard', 'info', 'db1/narrow_0001', root(0)))['shards']).toMatchObject([
      { attributes: { sourceType: 'INT UNSIGNED' } },
      { attributes: {} },
    ]);
    expect(await text('shard', 'list', '--host', 'db1')).toMatch(
      /db1\/narrow_0001 +flock +sourceType=INT UNSIGNED +normal/,
    );
    await answer('shard', 'delete', 'db1/narrow_0001', '--yes');
  });

  it('warn of a gap in the key space', async () => {
    await server.flock.createGraph('gappy', { shards: 1, replicas: 1, id: 5 });
    await answer('forwarding', 'set', '5', '1000', 'localhost/gappy_forward_0000_root');
    const { warnings, topologyVersion } = await answer('forwarding', 'remove', '5', '0', '--yes');
    expect(warnings).toEqual([
      'table 5 (gappy) has a gap in its key space: keys whose hash is below 1000 have no forwarding',
    ]);
    await answer('audit', 'undo', String(topologyVersion), '--yes');
  });

  const refused: [args: string[], exitCode: number, message: RegExp][] = [
    [['shard', 'info', 'nowhere/none'], 11, /no shard nowhere\/none/],
    [['shard', 'info', 'none'], 2, /"none" is no shard id/],
    [['shard', 'create', 'odd', 'localhost/x_0001'], 10, /no node type and no shard type odd/],
    [['shard', 'create', 'flock', 'nowhere/x_0001'], 13, /database host nowhere/],
    [
      ['shard', 'create', 'flock', 'db1/x_0001', '--attribute', 'sourceType=TEXT'],
      10,
      /sourceType of shard db1\/x_0001 \(flock\) must be INT UNSIGNED or BIGINT UNSIGNED/,
    ],
    [
      ['shard', 'create', 'flock', 'db1/x_0001', '--attribute', 'color=red'],
      10,
      /no attribute color: they have sourceType/,
    ],
    [['shard', 'create', 'flock', 'db1/x_0001', '--attribute', 'sourceType'], 2, /a name, "=" and a value/],
    [['shard', 'create', 'tweets', 'db1/x_0001'], 10, /windowMs of shard db1\/x_0001 \(tweets\) must be/],
    [['shard', 'delete', leaf('db1', 0), '--yes'], 13, /cannot be deleted: it is linked below/],
    [['shard', 'wrap', 'flock', leaf('db1', 0)], 10, /no node type flock/],
    [['shard', 'unwrap', leaf('db1', 0)], 13, /holds data/],
    [['shard', 'unwrap', root(0)], 13, /a forwarding leads to one shard/],
    [['shard', 'mark', 'tired', leaf('db1', 0)], 10, /no state tired/],
    [['link', 'add', root(0), root(0)], 13, /circle|itself/],
    [['link', 'add', leaf('db1', 0), root(1)], 13, /holds data/],
    [['link', 'add', root(0), leaf('db1', 0), '--weight', '-1'], 2, /an integer from 0/],
    [['link', 'remove', root(0), leaf('db1', 1), '--yes'], 11, /no link/],
    [['forwarding', 'set', '1', 'x', root(0)], 2, /cursor|integer/],
    [['forwarding', 'set', 'x', '0', root(0)], 2, /table is given by its number/],
    [['forwarding', 'set', '99', '0', root(0)], 13, /table 99 has forwardings but is not registered/],
    [['forwarding', 'set', '1', '5', 'localhost/none_0001'], 13, /does not exist/],
    [['shard', 'copy', leaf('db1', 0)], 10, /two or more different shards/],
    [['job', 'retry', 'high', '--ids', 'abc'], 2, /abc is no id of a job/],
    [['transform-tree', 'blackHole', root(0), '--yes'], 13, /the rows of these keys would be lost/],
    [['forwarding', 'remove', '1', '12345', '--yes'], 11, /no forwarding of table 1 at 12345/],
    [['forwarding', 'replace', leaf('db1', 0), root(0), '--yes'], 11, /no table forwards to/],
    [['host', 'weight', 'db1'], 10, /--read, --write or --reset/],
    [['host', 'weight', 'db9', '--read', '1'], 11, /no shard lives on host db9/],
    [['host', 'weight', 'db1', '--read', '-1'], 2, /a number of 0 or more/],
    [['host', 'weight', 'db1', '--reset'], 11, /no weight of host db1/],
    [['host', 'add-remote', 'west', 'far'], 2, /HOST:PORT/],
    [['host', 'add-remote', 'w e', 'far:1'], 10, /remote cluster's name/],
    [['host', 'set-remote', 'west', '--status', 'normal'], 11, /no remote cluster or host west; there are none/],
    [['host', 'set-remote', 'west'], 2, /--status/],
    [['host', 'remove-remote', 'far:1', '--yes'], 11, /no remote cluster or host far:1/],
    [['job', 'show', 'urgent'], 2, /The priorities are high, medium, low/],
    [['job', 'inject', 'high'], 10, /there is no job/],
    [['job', 'inject', 'high', '{}'], 10, /job 1: a job is a JSON object with one key/],
    [
      ['job', 'inject', 'high', '{"flock.edges": {"graph": 77, "edges": [{"source": 1, "destination": 2}]}}'],
      11,
      /no table 77/,
    ],
    [['job', 'inject', 'high', '--file', 'none.jsonl'], 11, /none.jsonl cannot be read/],
    [['job', 'retry', 'high', '--ids', '1-1'], 11, /no failing job 1-1/],
    [['job', 'fanout', 'high', 'bad'], 10, /a fanout's suffix/],
    [['job', 'fanout', 'high', 'none', '--remove'], 11, /no fanout none/],
    [['report', '--table', 'x'], 2, /table is given by its number/],
    [['forwarding', 'trees', '99'], 11, /no table 99/],
    [['lookup', '99', '1'], 11, /no table 99/],
    [['audit', 'show', '99999'], 11, /no change 99999/],
    [['audit', 'undo', '0'], 2, /an integer from 1/],
    [['completion', 'csh'], 2, /bash, zsh, fish/],
  ];
  it.each(refused)('refuse %j', async (args, exitCode, message) => {
    await server.flock.gizzard.nameServer.reload();
    const { version } = server.flock.gizzard.topology;
    const finished = args[0] === 'completion' ? await callRoost(args, folder) : await roost(...args);
    expect(finished).toMatchObject({ exitCode, stdout: '' });
    expect(finished.stderr).toMatch(message);
    await server.flock.gizzard.nameServer.reload();
    expect(server.flock.gizzard.topology.version).toBe(version);
  });
});

describe('hosts', () => {
  it('have weights for reads and writes, which can be reset', async () => {
    expect((await answer('host', 'list'))['hosts']).toEqual([
      { host: 'db1', shards: expect.any(Number) as number, read: 1, write: 1, configured: true },
      { host: 'db2', shards: expect.any(Number) as number, read: 1, write: 1, configured: true },
    ]);
    await answer('host', 'weight', 'db1', '--read', '0.5');
    await answer('host', 'weight', 'db1', '--write', '0', '--yes');
    expect((await answer('host', 'list'))['hosts']).toMatchObject([{ host: 'db1', read: 0.5, write: 0 }, {}]);
    await answer('host', 'weight', 'db1', '--reset');
    expect((await answer('host', 'list'))['hosts']).toMatchObject([{ host: 'db1', read: 1, write: 1 }, {}]);
    expect((await answer('host', 'pairs'))['pairs']).toEqual([{ hosts: ['db1', 'db2'], trees: 4 }]);
  });

  it('of other clusters are named, blocked, blackholed and forgotten with what waits for them', async () => {
    await answer('host', 'add-remote', 'west', 'far.example:7921', '--status', 'blocked');
    await expect.poll(() => server.flock.gizzard.topology.state.remoteHosts).toHaveLength(1);
    expect((await roost('host', 'add-remote', 'north', 'far.example:7921')).stderr).toContain(
      'is a host of cluster west already, and blocked',
    );
    await server.flock.write({
      graphId: 1,
      operations: 'add',
      sourceIds: BigInt64Array.of(900n),
      destinationIds: BigInt64Array.of(901n),
    });
    expect(await answer('host', 'remotes')).toMatchObject({
      remotes: [{ cluster: 'west', hostname: 'far.example', port: 7921, status: 'blocked' }],
      clusters: [{ cluster: 'west', waiting: 1, refused: 0 }],
    });
    const refused = await roost('host', 'set-remote', 'west', '--status', 'blackholed');
    expect(refused.stderr).toContain('1 jobs that wait for it are dropped');
    await answer('host', 'set-remote', 'far.example:7921', '--status', 'blocked');
    expect((await roost('host', 'remove-remote', 'far.example:7921')).stderr).toContain(
      'it is the last of cluster west: 1 jobs',
    );
    expect(await answer('host', 'remove-remote', 'far.example:7921', '--yes')).toMatchObject({ dropped: 1 });
    expect(await text('host', 'remotes')).toBe('none: writes stay in this cluster\n');
  });
});

describe('jobs', () => {
  const edges = (source: number): string =>
    JSON.stringify({ 'flock.edges': { graph: 1, edges: [{ source, destination: 2 }] } });
  const sizes = async (priority: string): Promise<number[]> => {
    const { queues } = (await answer('job', 'list')) as {
      queues: (Record<'queued' | 'failing' | 'bad', { jobs: number }> & { priority: string })[];
    };
    const found = queues.find((queue) => queue.priority === priority)!;
    return [found.queued.jobs, found.failing.jobs, found.bad.jobs];
  };
  /** Counts the rows of an edge on one replica of its shard. */
  const onDb1 = async (source: number): Promise<number> => {
    const { gizzard } = server.flock;
    const prefix = gizzard.topology.route(1, BigInt(source)).leaves[0]!.shard.id.tablePrefix;
    const rows = await gizzard.mysql
      .host('db1')
      .rows(`SELECT 1 FROM ${config.cluster}.${prefix}_edges WHERE source_id = ?`, [source], Deadline.after(5_000));
    return rows.length;
  };
  const isThere = (source: number) => server.flock.states(1, BigInt64Array.of(BigInt(source)), BigInt64Array.of(2n));

  it('of a priority are paused on every server, and resumed', async () => {
    await answer('job', 'pause', 'low');
    await expect.poll(() => server.flock.gizzard.topology.state.pausedPriorities).toEqual(['low']);
    await answer('job', 'inject', 'low', edges(100));
    await answer('job', 'inject', 'medium', edges(101));
    await expect.poll(() => isThere(101)).toEqual(['normal']);
    expect(await sizes('low')).toEqual([1, 0, 0]);
    expect(await isThere(100)).toEqual([undefined]);
    expect(await text('job', 'list')).toMatch(/low\s+queued\s+1\s+\S+ m?s\s+paused/);
    expect((await answer('job', 'show', 'low', '--queue', 'queued'))['jobs']).toMatchObject([
      { kind: 'flock.edges', attempts: 0, contents: expect.stringContaining('"source":"100"') as string },
    ]);
    expect(await answer('job', 'resume', 'all')).toMatchObject({ resumed: ['high', 'medium', 'low'] });
    await expect.poll(() => isThere(100), { timeout: 10_000 }).toEqual(['normal']);
  });

  it('that were given up are shown, exported, tried again, injected again and discarded', async () => {
    // A job whose own data is refused is given up at the first attempt.
    const { gizzard } = server.flock;
    const alter = async (what: (i: number) => string): Promise<void> => {
      for (const i of [0, 1])
        await gizzard.mysql
          .host('db1')
          .run(`ALTER TABLE ${config.cluster}.follows_forward_000${i}_edges ${what(i)}`, [], Deadline.after(5_000));
    };
    await alter((i) => `ADD CONSTRAINT no_more_${i} CHECK (source_id NOT IN (200, 201))`);
    await answer('job', 'inject', 'high', edges(200), edges(201));
    await expect.poll(() => sizes('high'), { timeout: 10_000 }).toEqual([0, 0, 2]);
    const { jobs } = (await answer('job', 'show', 'high', '--queue', 'bad')) as {
      jobs: { id: string; lastError: string; attempts: number }[];
    };
    expect(jobs).toMatchObject([{ attempts: 1, lastError: expect.stringMatching(/no_more_\d/) as string }, {}]);
    expect(await text('job', 'list')).toMatch(/high\s+bad\s+2\s+\S+ m?s\s+on db1/);
    expect(await text('job', 'show', 'high', '--queue', 'bad', '--count', '1')).toMatch(
      /error: .*no_more_\d[^]*next: .*--after/,
    );

    expect(await answer('job', 'export', 'high', 'bad.jsonl', '--queue', 'bad')).toMatchObject({ exported: 2 });
    expect((await roost('job', 'export', 'high', 'bad.jsonl', '--queue', 'bad')).exitCode).toBe(12);
    expect(readFileSync(join(folder, 'bad.jsonl'), 'utf8').trim().split('\n')).toHaveLength(2);

    expect((await roost('job', 'discard', 'high', '--queue', 'bad')).stderr).toContain(
      '2 writes that were accepted are lost',
    );
    expect(await answer('job', 'discard', 'high', '--queue', 'bad', '--ids', jobs[0]!.id, '--yes')).toMatchObject({
      discarded: 1,
    });
    await alter((i) => `DROP CONSTRAINT no_more_${i}`);
    expect(await answer('job', 'retry', 'high', '--queue', 'bad')).toMatchObject({ retried: 1 });
    await expect.poll(() => onDb1(201), { timeout: 10_000 }).toBe(1);
    expect(await onDb1(200)).toBe(0);

    expect(await answer('job', 'inject', 'high', '--file', 'bad.jsonl')).toMatchObject({ injected: 2 });
    await expect.poll(() => onDb1(200), { timeout: 10_000 }).toBe(1);
    expect(await answer('job', 'flush', 'all')).toMatchObject({ retried: 0 });
  });

  it('from a file are all read before the first is journaled', async () => {
    writeFileSync(join(folder, 'jobs.jsonl'), `${edges(300)}\n\n{"priority":"high","contents":5}\n`);
    const refused = await roost('job', 'inject', 'high', '--file', 'jobs.jsonl');
    expect(refused).toMatchObject({ exitCode: 10, stdout: '' });
    expect(refused.stderr).toContain('jobs.jsonl:3: it holds no job');
    expect(await isThere(300)).toEqual([undefined]);
  });

  it('are copied to a fanout', async () => {
    const { Redis } = await import('ioredis');
    await answer('job', 'fanout', 'medium', 'tap');
    await expect.poll(() => server.flock.gizzard.topology.state.fanouts).toHaveLength(1);
    await answer('job', 'inject', 'medium', edges(400));
    const redis = new Redis({ host: config.redis.host, port: config.redis.port });
    expect(await redis.xlen(`{${config.cluster}}:jobs:medium:fanout:tap`)).toBe(1);
    redis.disconnect();
    await answer('job', 'fanout', 'medium', 'tap', '--remove');
  });
});

describe('servers', () => {
  it('say which topology they work with, and look for a newer one when told', async () => {
    await answer('reload');
    const newest = server.flock.gizzard.topology.version;
    await expect
      .poll(async () => (await answer('ping'))['servers'], { timeout: 10_000 })
      .toEqual([
        {
          server: 'testing (process 1)',
          manager: `127.0.0.1:${server.managerPort}`,
          topologyVersion: newest,
          behind: 0,
          silentMs: expect.any(Number) as number,
          answers: true,
        },
      ]);
    expect(await answer('reload')).toMatchObject({ reloaded: ['testing (process 1)'] });
    expect(await text('ping')).toMatch(/testing \(process 1\).*current.*answers/);
  });

  it('that do not answer are named by ping', async () => {
    const { gizzard } = server.flock;
    gizzard.servers.describe({ machine: 'deaf', pid: 2, host: '127.0.0.1', managerPort: 1 });
    await expect
      .poll(async () => (await roost('ping')).stderr, { timeout: 10_000 })
      .toContain('deaf (process 2) does not answer');
    expect((await roost('reload')).exitCode).toBe(14);
    gizzard.servers.describe({ machine: 'testing', pid: 1, host: '127.0.0.1', managerPort: server.managerPort });
  });

  it('have a name server whose replicas are looked after', async () => {
    await server.flock.gizzard.nameServer.reload();
    const { version } = server.flock.gizzard.topology;
    expect(await answer('nameserver', 'status')).toEqual({
      replicas: [
        {
          host: 'db1',
          primary: true,
          version,
          controlVersion: expect.any(Number) as unknown,
          state: 'current',
          differences: [],
        },
      ],
      next_steps: [],
    });
    expect(await answer('nameserver', 'repair')).toMatchObject({ repaired: [] });
    expect(await answer('nameserver', 'promote', 'db1', '--yes')).toMatchObject({
      primary: 'db1',
      promoted: false,
      topologyVersion: version,
    });
  });
});
