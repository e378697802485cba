import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deadline } from '../core/index.js';
import { type ClusterServer, startClusterServer } from './clusterServer.js';
import { freshCluster } from './support/index.js';

/**
 * The path of a checkout of the original tool, https://github.com/twitter-archive/gizzmo. The tool is not part of
 * this project.
 */
const checkout = process.env['ROOST_TEST_GIZZMO'];

interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(command: string, args: readonly string[], cwd: string): Promise<Ran> {
  return new Promise((resolve, reject) => {
    // The tool reads more arguments from standard input if that is no terminal.
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, HOME: cwd },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ exitCode: code ?? -1, stdout, stderr }));
  });
}

async function obstacle(): Promise<string | undefined> {
  if (checkout === undefined) return 'ROOST_TEST_GIZZMO names no checkout of gizzmo';
  if (!existsSync(join(checkout, 'bin/gizzmo'))) return `there is no bin/gizzmo in ${checkout}`;
  try {
    const { exitCode, stderr } = await run('ruby', ['-e', 'exit(RUBY_VERSION < "3.2")'], tmpdir());
    return exitCode === 0 ? undefined : `this Ruby is too new for gizzmo, which calls what 3.2 took away ${stderr}`;
  } catch {
    return 'ruby is missing (Debian package ruby)';
  }
}

const why = await obstacle();

describe.skipIf(why !== undefined)(`the original gizzmo${why === undefined ? '' : `: skipped, ${why}`}`, () => {
  const { config } = freshCluster('gizzmo');
  let server: ClusterServer;
  let folder: string;

  beforeAll(async () => {
    server = await startClusterServer(config);
    folder = mkdtempSync(join(tmpdir(), 'roost-gizzmo-'));
  });

  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await server.close();
  });

  const gizzmo = async (...args: string[]): Promise<Ran> =>
    run(
      'ruby',
      [
        '-W0',
        join(checkout!, 'bin/gizzmo'),
        '-H',
        '127.0.0.1',
        '-P',
        String(server.managerPort),
        '-I',
        String(server.injectorPort),
        '-r',
        '0',
        '-f',
        ...args,
      ],
      folder,
    );
  /** Runs a command that must succeed, and returns its lines. */
  const lines = async (...args: string[]): Promise<string[]> => {
    const { exitCode, stdout, stderr } = await gizzmo(...args);
    expect({ exitCode, stderr: exitCode === 0 ? '' : `${stderr}${stdout}` }, args.join(' ')).toEqual({
      exitCode: 0,
      stderr: '',
    });
    return stdout
      .trim()
      .split('\n')
      .filter((line) => line !== '');
  };

  const root = (place: string, table = '3') => `localhost/gizz_${table}_${place}_replicating`;
  const leaf = (host: string, place: string, table = '3') => `${host}/gizz_${table}_${place}`;

  it('creates tables', async () => {
    await lines(
      '-T',
      '3,-3',
      'create-table',
      '--shards=4',
      '--base-name=gizz',
      '-q',
      '1',
      'ReplicatingShard -> (SqlShard(db1,1,INT UNSIGNED,INT UNSIGNED), SqlShard(db2,1,INT UNSIGNED,INT UNSIGNED))',
    );
    expect(server.flock.gizzard.topology.covers(3)).toBe(true);
    expect(server.flock.gizzard.topology.routes(-3)).toHaveLength(4);
    await server.flock.write(
      { graphId: 3, operations: 'add', sourceIds: BigInt64Array.of(1n), destinationIds: BigInt64Array.of(2n) },
      { acknowledgment: 'materialized' },
    );
    expect(await server.flock.states(3, BigInt64Array.of(1n), BigInt64Array.of(2n))).toEqual(['normal']);
  });

  it('shows tables, hosts, forwardings and trees', async () => {
    expect(await lines('tables')).toEqual(['-3,3']);
    expect(await lines('hosts')).toEqual(['db1', 'db2', 'localhost']);
    const forwardings = await lines('forwardings', '-t', '3');
    expect(forwardings).toHaveLength(4);
    expect(forwardings.map((line) => line.split('\t')[1])).toEqual([0n, 1n, 2n, 3n].map((i) => String(i * 2n ** 58n)));
    expect(await lines('-T', '3,-3', 'topology')).toEqual([
      expect.stringMatching(
        /^\s*8 ReplicatingShard\(1\) -> \(SqlShard\(db[12],1,INT UNSIGNED,INT UNSIGNED\), SqlShard\(db[12],1,INT UNSIGNED,INT UNSIGNED\)\)$/,
      ),
    ]);
    expect((await lines('info', leaf('db1', '0000')))[0]).toBe(`${leaf('db1', '0000')}\tSqlShard\tok`);
    expect((await lines('links', leaf('db1', '0000')))[0]).toBe(`${root('0000')}\t${leaf('db1', '0000')}\t1`);
    expect((await lines('subtree', leaf('db2', '0001'))).map((line) => line.trim()).sort()).toEqual(
      [leaf('db1', '0001'), leaf('db2', '0001'), root('0001')].sort(),
    );
    expect(await lines('dump', '3')).toHaveLength(12);
    expect(await lines('find', '-h', 'db1')).toHaveLength(8);
    expect((await lines('lookup', '3', '12345'))[0]).toMatch(/^localhost\/gizz_3_\d{4}_replicating$/);
    const report = await lines('report', root('0000'), root('0001'));
    expect(report[0]).toMatch(/^=== \w+: 2 =+$/);
    const signature = /=== (\w+)/.exec(report[0]!)![1]!;
    expect((await lines('drill', signature, root('0000')))[0]).toBe(root('0000'));
    expect(await lines('pair', 'db1', 'db2')).toHaveLength(1);
    expect(await lines('busy')).toEqual([]);
    await lines('ping');
    expect(await lines('list-hosts')).toEqual([]);
    expect(await lines('hostweight-list')).toEqual([]);
  });

  it('changes shards, links and forwardings', async () => {
    const wrapper = 'localhost/gizz_3_0002_blocked';
    expect(await lines('wrap', 'BlockedShard', leaf('db1', '0002'))).toEqual([wrapper]);
    expect(await lines('links', '--up', '--ids', leaf('db1', '0002'))).toEqual([wrapper]);
    expect(await lines('unwrap', wrapper)).toHaveLength(1);
    expect(await lines('links', '--up', '--ids', leaf('db1', '0002'))).toEqual([root('0002')]);
    expect(await lines('create', 'com.twitter.gizzard.shards.ReplicatingShard', 'localhost/extra_0001')).toEqual([
      'localhost/extra_0001',
    ]);
    await lines('addlink', 'localhost/extra_0001', leaf('db1', '0003'), '5');
    expect(await lines('links', '--down', 'localhost/extra_0001')).toEqual([
      `localhost/extra_0001\t${leaf('db1', '0003')}\t5`,
    ]);
    await lines('addforwarding', '3', '77', 'localhost/extra_0001');
    await lines('deleteforwarding', '3', '77', 'localhost/extra_0001');
    await lines('unlink', 'localhost/extra_0001', leaf('db1', '0003'));
    await lines('delete', 'localhost/extra_0001');
    expect((await gizzmo('info', 'localhost/extra_0001')).exitCode).toBe(1);
    expect(
      (await gizzmo('delete', leaf('db1', '0003'))).stderr + (await gizzmo('delete', leaf('db1', '0003'))).stdout,
    ).toContain('cannot be deleted');
    await lines('markbusy', leaf('db1', '0003'));
    expect(await lines('busy')).toEqual([`${leaf('db1', '0003')}\tSqlShard\tbusy`]);
    await lines('markunbusy', leaf('db1', '0003'));
    await lines('hostweight-set', 'db1', '0.5', '1');
    expect(await lines('hostweight-list')).toEqual(['db1\t0.5\t1.0']);
    await lines('add-host', 'west:far:7921');
    expect(await lines('list-hosts')).toEqual(['west:far:7921 0']);
    await lines('remove-host', 'west:far:7921');
    await lines('reload', '--fast');
    await lines('reload');
  });

  it('injects jobs, and tries failed ones again', async () => {
    await lines('inject', '3', JSON.stringify({ 'flock.edges': { graph: 3, edges: [{ source: 5, destination: 6 }] } }));
    await expect
      .poll(() => server.flock.states(3, BigInt64Array.of(5n), BigInt64Array.of(6n)), { timeout: 10_000 })
      .toEqual(['normal']);
    await lines('flush', '--all');
    await lines('flush', '1');
  });

  it('sets up a replica and a migration, and finishes them', async () => {
    await lines('create', '-s', 'INT UNSIGNED', '-d', 'INT UNSIGNED', 'SqlShard', 'db2/extra_0002', 'db2/extra_0003');
    await lines('setup-replica', leaf('db1', '0000'), 'db2/extra_0002');
    await lines('finish-replica', leaf('db1', '0000'), 'db2/extra_0002');
    expect(await lines('links', '--up', '--ids', 'db2/extra_0002')).toEqual([root('0000')]);
    await lines('setup-migrate', 'db2/extra_0002', 'db2/extra_0003');
    await lines('finish-migrate', 'db2/extra_0002', 'db2/extra_0003');
    expect(await lines('links', '--up', '--ids', 'db2/extra_0003')).toEqual([root('0000')]);
  });

  it('copies a shard', async () => {
    await lines('copy', leaf('db1', '0000'), leaf('db2', '0000'));
    expect(await lines('busy')).toEqual([]);
  });

  it('repairs tables: each replica gets the rows that only another one has', async () => {
    const { gizzard } = server.flock;
    const edges = gizzard.topology.route(3, 1n).leaves.map(({ shard: { id } }) => ({
      host: gizzard.mysql.host(id.hostname),
      table: `\`${config.cluster}\`.\`${id.tablePrefix}_edges\``,
    }));
    await edges[1]!.host.run(`DELETE FROM ${edges[1]!.table} WHERE source_id = 1`, [], Deadline.after(5_000));
    expect(await lines('-T', '3,-3', 'repair-tables')).toContainEqual(expect.stringContaining('Repairing'));
    const rows = await Promise.all(
      edges.map(({ host, table }) =>
        host.rows(`SELECT destination_id FROM ${table} WHERE source_id = 1`, [], Deadline.after(5_000)),
      ),
    );
    expect(rows.map((found) => found.map(String))).toEqual([['2'], ['2']]);
  });

  it('transforms trees: takes a replica off, and puts one on with a copy', async () => {
    const one = 'ReplicatingShard -> SqlShard(db1,1,INT UNSIGNED,INT UNSIGNED)';
    const both =
      'ReplicatingShard -> (SqlShard(db1,1,INT UNSIGNED,INT UNSIGNED), SqlShard(db2,1,INT UNSIGNED,INT UNSIGNED))';
    await lines(
      'transform-tree',
      '-q',
      '--no-progress',
      '--poll-interval=1',
      '--rollback-log=shrink',
      one,
      root('0001'),
    );
    expect(await lines('links', '--down', '--ids', root('0001'))).toEqual([leaf('db1', '0001')]);
    // A committed change is no longer rolled back.
    expect(await lines('log-rollback', 'shrink')).toContain('Nothing to do.');
    await lines('transform-tree', '-q', '--no-progress', '--poll-interval=1', both, root('0001'));
    expect((await lines('links', '--down', '--ids', root('0001'))).sort()).toEqual([
      leaf('db1', '0001'),
      leaf('db2', '0001'),
    ]);
    expect(await lines('busy')).toEqual([]);
  });

  it('rolls back what a log holds', async () => {
    const { nameServer } = server.flock.gizzard;
    const logId = 'ef'.repeat(16);
    const entries = [
      {
        remove_link: {
          up_id: { hostname: 'localhost', table_prefix: 'gizz_3_0002_replicating' },
          down_id: { hostname: 'db2', table_prefix: 'gizz_3_0002' },
        },
      },
      {
        remove_forwarding: {
          table_id: 3,
          base_id: '9',
          shard_id: { hostname: 'localhost', table_prefix: 'gizz_3_0002_replicating' },
        },
      },
    ];
    await nameServer.changeLogs([
      { kind: 'createLog', log: { logId, name: 'half' } },
      ...entries.map((operation, i) => ({
        kind: 'pushEntry' as const,
        logId,
        entry: { entryId: i + 1, operation: JSON.stringify(operation) },
      })),
    ]);
    await lines('addforwarding', '3', '9', root('0002'));
    await lines('log-rollback', 'half');
    expect(await lines('links', '--down', '--ids', root('0002'))).toEqual([leaf('db1', '0002')]);
    expect(await lines('forwardings', '-t', '3')).toHaveLength(4);
    expect(await nameServer.logEntries(logId, 10)).toEqual([]);
  });
});
