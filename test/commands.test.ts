import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grafanaDashboard } from '../cli/metrics/grafanaDashboard.js';
import { alertRulesOf } from '../cli/metrics/alertRules.js';
import { prometheusRules } from '../cli/metrics/prometheusRules.js';
import { stores } from '../cli/stores.js';
import { type ServerReady, serverReadySchema } from '../cli/serverReady.js';
import { callRoost } from './callRoost.js';
import { type Finished, roostMain } from './runRoost.js';
import { freshCluster } from './support/index.js';

const { configPath } = freshCluster('commands');
const folder = mkdtempSync(join(tmpdir(), 'roost-commands-'));
let server: ChildProcess;
let ready: ServerReady;

const roost = (...args: string[]): Promise<Finished> => callRoost([...args, '--config', configPath], folder);
/**
 * Runs a command that asks the server. The system chose the server's ports, so the configuration does not name them.
 */
const ask = (...args: string[]): Promise<Finished> => roost(...args, '--server', `127.0.0.1:${ready.flock.port}`);
async function answer(...args: string[]): Promise<unknown> {
  const { exitCode, stdout, stderr } = await ask(...args, '--json');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout);
}

beforeAll(async () => {
  // Before the name server is set up, a read changes nothing.
  const early = await roost('graph', 'list');
  expect(early).toMatchObject({ exitCode: 13, stdout: '' });
  expect(early.stderr).toContain('is not set up');
  const made = await roost('graph', 'create', 'follows', '--shards', '3', '--replicas', '2', '--json');
  expect(made).toEqual({ exitCode: 0, stderr: '', stdout: '{"id":1,"name":"follows","shards":3,"replicas":2}\n' });
  server = spawn(process.execPath, [roostMain, 'serve', '--json', '--config', configPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: server.stdout! })) {
    ready = serverReadySchema.parse(JSON.parse(line));
    break;
  }
});

afterAll(async () => {
  server.kill('SIGTERM');
  if (server.exitCode === null) await once(server, 'exit');
  rmSync(folder, { recursive: true, force: true });
});

describe('graph', () => {
  it('lists what create made', async () => {
    expect((await roost('graph', 'list', '--json')).stdout).toBe(
      '{"graphs":[{"id":1,"name":"follows","shards":3,"hosts":["db1","db2"]}],"dropped":[]}\n',
    );
    expect((await roost('graph', 'list')).stdout).toContain('follows');
  });

  it.each([
    [['follows'], 12, 'there is a graph follows already'],
    [['bad-name'], 10, "a graph's name must start with a letter"],
    [['more', '--replicas', '3'], 10, 'replicas must be an integer from 1 to 2'],
  ])('refuses to create %j', async (args, exitCode, message) => {
    const refused = await roost('graph', 'create', ...args);
    expect(refused).toMatchObject({ exitCode, stdout: '' });
    expect(refused.stderr).toContain(message);
  });

  it('shows where a node lives', async () => {
    const { stdout } = await roost('lookup', 'follows', '9223372036854775807', '--json');
    const { id, locations } = JSON.parse(stdout) as {
      id: string;
      locations: { direction: string; tableId: number; leaves: { host: string }[] }[];
    };
    expect(id).toBe('9223372036854775807');
    expect(locations).toMatchObject([
      { direction: 'forward', tableId: 1 },
      { direction: 'backward', tableId: -1 },
    ]);
    for (const { leaves } of locations) expect(leaves.map(({ host }) => host).sort()).toEqual(['db1', 'db2']);
    expect((await roost('lookup', 'follows', '12')).stdout).toMatch(
      /^forward: table 1, .*\n {2}replicating .*\n {4}flock db\d\/.* read allow · write allow\n/,
    );
  });
});

describe('load, and what can be asked then', () => {
  beforeAll(async () => {
    writeFileSync(
      join(folder, 'edges.txt.gz'),
      gzipSync('# source destination position\n1 2 20\n1 3 -10\n4 3 30\n4 2 40\n9223372036854775807 3 5\n'),
    );
    expect(await answer('load', 'follows', 'edges.txt.gz', '--wait')).toMatchObject({
      graph: 'follows',
      edgeCount: 5,
      badLineCount: 0,
    });
  });

  it('contains tells whether an edge exists', async () => {
    expect(await answer('flock', 'contains', 'follows', '1', '2')).toEqual({ contains: true });
    expect((await ask('flock', 'contains', 'follows', '2', '1')).stdout).toBe('no\n');
  });

  it('get shows an edge, and fails with NotFound for none', async () => {
    expect(await answer('flock', 'get', 'follows', '9223372036854775807', '3')).toMatchObject({
      position: '5',
      state: 'normal',
    });
    const absent = await ask('flock', 'get', 'follows', '2', '1');
    expect(absent).toMatchObject({ exitCode: 11, stdout: '' });
    expect(absent.stderr).toBe('roost: there has never been an edge from 2 to 1 in follows\n');
  });

  it('count shows the edges of a node by direction', async () => {
    expect(await answer('flock', 'count', 'follows', '3', '--direction', 'backward')).toEqual({
      normal: '3',
      negative: '0',
      archived: '0',
      removed: '0',
    });
  });

  it('page walks forward and back', async () => {
    const first = (await answer('flock', 'page', 'follows', '3', '--direction', 'backward', '--count', '2')) as {
      ids: string[];
      nextCursor: string;
    };
    expect(first.ids).toEqual(['4', '9223372036854775807']);
    const second = (await answer(
      'flock',
      'page',
      'follows',
      '3',
      '--direction',
      'backward',
      '--count',
      '2',
      '--cursor',
      first.nextCursor,
    )) as typeof first & { prevCursor: string };
    expect(second).toMatchObject({ ids: ['1'], nextCursor: '0' });
    const back = await answer(
      'flock',
      'page',
      'follows',
      '3',
      '--direction',
      'backward',
      '--count',
      '2',
      '--cursor',
      second.prevCursor,
    );
    expect(back).toMatchObject({ ids: first.ids });
    expect((await ask('flock', 'edges', 'follows', '1')).stdout).toContain('20');
    expect(await answer('flock', 'page', 'follows', '1', '--between', '-20..0')).toMatchObject({ ids: ['3'] });
    expect((await ask('flock', 'page', 'follows', '77')).stdout).toBe('none\n');
  });

  it('intersect lists the common ids', async () => {
    expect(await answer('flock', 'intersect', 'follows', '2', '3', '--direction', 'backward')).toMatchObject({
      ids: ['4', '1'],
      nextCursor: '0',
    });
    expect(await ask('flock', 'intersect', 'follows', '2')).toMatchObject({ exitCode: 10, stdout: '' });
  });

  it('union, difference and any query, by cursors that belong to it', async () => {
    expect(await answer('flock', 'union', 'follows', '1', '4')).toMatchObject({ ids: ['3', '2'], partial: false });
    expect(await answer('flock', 'difference', 'follows', '3', '2', '--direction', 'backward')).toMatchObject({
      ids: ['9223372036854775807'],
    });
    const query = ['flock', 'query', 'follows', 'to(3) - (from(1) | to(2, among=4))'];
    const first = (await answer(...query, '--count', '1')) as { ids: string[]; next: string };
    expect(first.ids).toEqual(['9223372036854775807']);
    expect(await answer(...query, '--cursor', first.next)).toMatchObject({ ids: ['1'] });
    expect((await ask(...query, '--count', '1')).stdout).toContain(`next page: --cursor ${first.next}`);
    const foreign = await ask('flock', 'query', 'follows', 'to(3)', '--cursor', first.next);
    expect(foreign).toMatchObject({ exitCode: 10, stdout: '' });
    expect(foreign.stderr).toContain('belongs to another query');
    expect(await answer(...query, '--size', '--exact')).toEqual({ count: '2' });
  });

  it('explain shows the plan and the rows read', async () => {
    expect(await answer('flock', 'explain', 'follows', 'to(2) & to(3)')).toMatchObject({
      page: { ids: ['4', '1'] },
      rowsRead: expect.any(Number) as number,
      steps: expect.arrayContaining([]) as object[],
    });
    expect((await ask('flock', 'explain', 'follows', 'to(2) & to(3)')).stdout).toMatch(
      /^plan: .*to 2 .* ∩ .*to 3 .*\nabout 2 ids in all; this page has 2, found in .*\nstep +shard +host/,
    );
  });

  it('add, negate, archive and remove, of edges and of all that a node has', async () => {
    expect(await answer('flock', 'add', 'follows', '70', '71', '72', '73', '--position', '5', '--wait')).toEqual({
      graph: 'follows',
      operation: 'add',
      all: false,
      edgeCount: 3,
      acknowledgment: 'materialized',
    });
    await answer('flock', 'negate', 'follows', '70', '72', '--wait');
    await answer('flock', 'remove', 'follows', '70', '73', '--at', '1', '--wait');
    expect(await answer('flock', 'count', 'follows', '70')).toEqual({
      normal: '2',
      negative: '1',
      archived: '0',
      removed: '0',
    });
    expect((await ask('flock', 'archive', 'follows', '70', '--all', '--wait')).stdout).toBe(
      'done: archive of all edges of 70\n',
    );
    expect(await answer('flock', 'metadata', 'follows', '70', '69')).toMatchObject({
      nodes: [
        { id: '70', node: { color: 'archived' } },
        { id: '69', node: null },
      ],
    });
    expect((await ask('flock', 'metadata', 'follows', '70')).stdout).toMatch(/archived/);
    await expect
      .poll(() => answer('flock', 'count', 'follows', '70'))
      .toEqual({ normal: '0', negative: '0', archived: '3', removed: '0' });
    await answer('flock', 'remove', 'follows', '71', '--all', '--direction', 'both', '--wait');
    await expect.poll(() => answer('flock', 'get', 'follows', '70', '71')).toMatchObject({ state: 'removed' });
    for (const [args, message] of [
      [['add', 'follows', '1'], 'or --all'],
      [['add', 'follows', '1', '2', '--all'], 'or --all'],
      [['add', 'follows', '1', '2', '--direction', 'both'], '--direction belongs to --all'],
      [['add', 'follows', '1', '--all', '--position', '5'], '--all keeps positions'],
    ] as const) {
      const refused = await ask('flock', ...args);
      expect(refused).toMatchObject({ exitCode: 10, stdout: '' });
      expect(refused.stderr).toContain(message);
    }
  });

  it('refuses a bad file whole, or counts its bad lines', async () => {
    writeFileSync(join(folder, 'bad.txt'), '50 51\n50 x\n50 52\n');
    const refused = await ask('load', 'follows', 'bad.txt');
    expect(refused).toMatchObject({ exitCode: 10, stdout: '' });
    expect(refused.stderr).toContain('bad.txt: line 2 must be');
    expect(await answer('flock', 'count', 'follows', '50')).toMatchObject({ normal: '0' });

    expect(await answer('load', 'follows', 'bad.txt', '--skip-bad', '--wait')).toMatchObject({
      edgeCount: 2,
      badLineCount: 1,
    });
    expect(await answer('flock', 'count', 'follows', '50')).toMatchObject({ normal: '2' });
  });

  it('names the graphs there are when asked for another', async () => {
    const { exitCode, stderr } = await ask('flock', 'count', 'blocks', '1');
    expect(exitCode).toBe(11);
    expect(stderr).toMatch(/^roost: there is no graph "blocks"; there are follows\n {2}`roost graph list`/);
  });
});

describe('serve', () => {
  it('answers on the admin port', async () => {
    const get = async (path: string) => (await fetch(`http://127.0.0.1:${ready.admin.port}${path}`)).text();
    expect(await get('/readyz')).toBe('ok\n');
    expect(JSON.parse(await get('/server_info'))).toMatchObject({
      pid: ready.pid,
      graphs: [{ id: 1, name: 'follows' }],
    });
    expect(await get('/metrics')).toContain('roost_jobs_total');
  });

  it('has every metric that the alert rules and the dashboard name', async () => {
    const text = await (await fetch(`http://127.0.0.1:${ready.admin.port}/metrics`)).text();
    const known = new Set(Array.from(text.matchAll(/^# TYPE (\w+)/gm), ([, name]) => name!));
    const printed = prometheusRules(alertRulesOf(stores)) + JSON.stringify(grafanaDashboard());
    const named = new Set(
      Array.from(printed.matchAll(/roost_[a-z_]+/g), ([name]) => name.replace(/_(bucket|count)$/, '')),
    );
    expect(named.size).toBeGreaterThan(20);
    expect([...named].filter((name) => !known.has(name))).toEqual([]);
  });

  it('says that a port is taken', async () => {
    const { exitCode, stdout, stderr } = await roost('serve', '--flock-port', String(ready.flock.port));
    expect({ exitCode, stdout }).toEqual({ exitCode: 14, stdout: '' });
    expect(stderr).toContain(`cannot listen on 127.0.0.1:${ready.flock.port}: the port is taken`);
  });

  it('serves a graph by the time that create returns', async () => {
    const made = await callRoost(['graph', 'create', 'blocks', '--id', '7', '--config', configPath], folder, {
      ROOST__SERVER__FLOCK_PORT: String(ready.flock.port),
    });
    expect(made.exitCode).toBe(0);
    expect(await answer('flock', 'count', 'blocks', '1')).toMatchObject({ normal: '0' });
  });

  it('says what to do when no server answers', async () => {
    const { exitCode, stderr } = await roost('flock', 'count', 'follows', '1', '--server', '127.0.0.1:1');
    expect(exitCode).toBe(14);
    expect(stderr).toContain('`roost serve` starts one');
  });

  it('ends with 0 on SIGTERM', async () => {
    server.kill('SIGTERM');
    expect(await once(server, 'exit')).toEqual([0, null]);
  });
});
