import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flushNodes } from '../cache/index.js';
import { storedNames } from '../cache/ring/entryNames.js';
import { Deadline } from '../core/index.js';
import { connect, type Roost } from '../sdk/index.js';
import { openUsers, userFlags, usersTableId, type OpenUsers } from '../users/index.js';
import { callRoost } from './callRoost.js';
import { findPythonTools } from './pythonClient.js';
import type { Finished } from './runRoost.js';
import { startServeProcess, type ServeProcess } from './serveProcess.js';
import { freshCluster } from './support/index.js';

const cluster = freshCluster('users_served', { cache: { deadlineMs: 500 } });
const { config } = cluster;
const folder = mkdtempSync(join(tmpdir(), 'roost-users-'));
/** The cluster's configuration with the ports that the server got. */
const configPath = join(folder, 'roost.config.json');
const roost = (...args: string[]): Promise<Finished> => callRoost([...args, '--config', configPath], folder);
const [node] = config.memcached as [string];
const materialized = { acknowledgment: 'materialized' } as const;
let server: ServeProcess;
let client: Roost;
/** The store of the same users, opened as a library. */
let store: OpenUsers;

beforeAll(async () => {
  server = await startServeProcess(cluster.configPath);
  writeFileSync(configPath, JSON.stringify({ ...config, server: server.ports }));
  const at = (port: number): string[] => [`127.0.0.1:${port}`];
  client = await connect({ servers: at(server.ready.flock.port), cluster: config.cluster });
  store = await openUsers(config);
});
afterAll(async () => {
  await client?.close();
  await store?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('names the command that sets users up while there are none', async () => {
  await expect(client.users.get(1)).rejects.toMatchObject({
    code: 'FailedPrecondition',
    message: expect.stringContaining('`roost users setup`') as string,
  });
  expect(await roost('users', 'setup', '--shards', '2', '--replicas', '1', '--json')).toEqual({
    exitCode: 0,
    stderr: '',
    stdout: '{"shards":2,"replicas":1}\n',
  });
});

describe('a client', () => {
  it('writes users and reads them, many callers in one call', async () => {
    const users = Array.from({ length: 700 }, (_, i) => ({
      id: BigInt(1_000 + i),
      name: `Zoë ${i}`,
      screenName: `zoe_${i}`,
      flags: i,
    }));
    await client.users.putMany(users, materialized);
    expect(await client.users.getMany([...users.map(({ id }) => id), 999n])).toEqual([...users, undefined]);
    const calls = async (): Promise<number> =>
      Number(/roost_rpc_calls_total\{method="get_users",code="OK"\} (\d+)/.exec(await metrics())![1]);
    const before = await calls();
    expect(await Promise.all([...users.map(({ id }) => client.users.get(id)), client.users.get('999')])).toEqual([
      ...users,
      undefined,
    ]);
    expect((await calls()) - before).toBe(2);
  });

  it('changes one thing of a user and leaves the others', async () => {
    await client.users.put({ id: 7, name: 'Jack', screenName: 'jack' }, materialized);
    await Promise.all([
      client.users.rename(7, { name: 'Jack 🐦' }, materialized),
      client.users.setFlags(7, userFlags.verified, materialized),
      client.users.rename(7, { screenName: 'jackd' }, materialized),
    ]);
    expect(await client.users.get(7)).toEqual({
      id: 7n,
      name: 'Jack 🐦',
      screenName: 'jackd',
      flags: userFlags.verified,
    });
    await client.users.remove(7, materialized);
    await client.users.rename(7, { name: 'nobody' }, materialized);
    expect(await client.users.get(7)).toBeUndefined();
  });

  it.each([
    [{ id: -1, name: 'a', screenName: 'a' }, 'id must be'],
    [{ id: 1, name: 'a\ud800', screenName: 'a' }, 'half of a surrogate pair'],
    [{ id: 1, name: '', screenName: 'a' }, '1 to 50 characters'],
    [{ id: 1, name: 'a', screenName: 'é' }, '1 to 20 letters'],
    [{ id: 1, name: 'a', screenName: 'a', flags: 2 ** 32 }, 'unsigned 32-bit'],
  ])('gets InvalidArgument for %o', async (user, message) => {
    await expect(client.users.put(user)).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining(message) as string,
    });
  });
});

const tools = await findPythonTools();

describe.skipIf(typeof tools === 'string')(
  `a client in Python, with code generated from the IDL${typeof tools === 'string' ? `: skipped, ${tools}` : ''}`,
  () => {
    const run = promisify(execFile);
    const root = join(import.meta.dirname, '..');
    const generated = mkdtempSync(join(tmpdir(), 'roost-python-'));
    afterAll(() => rmSync(generated, { recursive: true, force: true }));

    it.each([
      ['framed', 5_000],
      ['unframed', 5_010],
    ])('writes, reads and gets errors over %s messages', async (transport, id) => {
      if (typeof tools === 'string') return;
      await run('thrift', ['-r', '--out', generated, '--gen', 'py', join(root, 'wire/idl/users.thrift')]);
      const { stdout } = await run(
        tools.python,
        [
          '-B',
          join(root, 'test/python/usersClient.py'),
          generated,
          '127.0.0.1',
          String(server.ready.users.port),
          transport,
          String(id),
        ],
        { timeout: 25_000 },
      );
      const jack = [id, 'Jäck', 'jack', 2];
      expect(JSON.parse(stdout)).toEqual({
        before: { users: [], found: [0] },
        put: { users: [[id + 1, 'Biz', 'biz', 0], jack], found: [1, 0, 1] },
        changed: {
          users: [
            [id, 'Jack', 'jack', 2],
            [id + 1, 'Biz', 'biz', 5],
          ],
          found: [1, 1],
        },
        removed: { users: [[id + 1, 'Biz', 'biz', 5]], found: [0, 1] },
        errors: {
          name: ['InvalidArgument', 'a name has 1 to 50 characters, not 0'],
          utf8: ['InvalidArgument', 'name is not well-formed UTF-8'],
          missing: ['InvalidArgument', 'screen_name is missing'],
          id: ['InvalidArgument', expect.stringContaining('id must be') as string],
          half: ['InvalidArgument', expect.stringContaining('multiple of 8 bytes') as string],
        },
      });
    });
  },
);

describe('roost users', () => {
  it('writes, shows, changes and removes a user', async () => {
    expect(await roost('users', 'create', '12', 'jack', '--name', 'Jack', '--flags', '3')).toMatchObject({
      exitCode: 0,
      stderr: '',
    });
    expect((await roost('users', 'get', '12', '13', '--json')).stdout).toBe(
      '{"users":[{"id":"12","name":"Jack","screenName":"jack","flags":3},null]}\n',
    );
    expect((await roost('users', 'get', '12')).stdout).toContain('protected verified');
    expect((await roost('users', 'rename', '12', '--screen-name', 'jackd', '--json')).stdout).toBe(
      '{"user":{"id":"12","name":"Jack","screenName":"jackd","flags":3}}\n',
    );
    expect((await roost('users', 'flags', '12', '4', '--json')).stdout).toBe(
      '{"user":{"id":"12","name":"Jack","screenName":"jackd","flags":4}}\n',
    );
    expect(await roost('users', 'rename', '13', '--name', 'nobody')).toMatchObject({ exitCode: 11, stdout: '' });
    expect((await roost('users', 'rename', '12')).stderr).toContain('needs --name or --screen-name');
    expect(await roost('users', 'remove', '12')).toMatchObject({ exitCode: 0, stdout: 'removed user 12\n' });
    expect(await roost('users', 'get', '12')).toMatchObject({ exitCode: 11, stdout: '' });
    expect((await roost('users', 'create', '12', 'no spaces')).stderr).toContain('a screen name has 1 to 20');
  });
});

describe('roost cache', () => {
  it('shows the cache nodes', async () => {
    const { nodes } = JSON.parse((await roost('cache', 'stats', '--json')).stdout) as {
      nodes: { node: string; state: string; pool: string; memcached: { maxBytes: number } }[];
    };
    expect(nodes.map((each) => [each.pool, each.node, each.state, each.memcached.maxBytes]).sort()).toEqual(
      config.memcached.map((each) => ['main', each, 'in', 64 * 1024 * 1024]).sort(),
    );
    expect((await roost('cache', 'stats')).stdout).toContain(node);
  });

  it('shows what the servers count, as /metrics does', async () => {
    const users = Array.from({ length: 60 }, (_, i) => ({
      id: BigInt(3_000 + i),
      name: 'x'.repeat(50),
      screenName: 'y',
    }));
    await client.users.putMany(users, materialized);
    type Counts = Record<
      'hits' | 'misses' | 'stale' | 'leaseWaits' | 'bypassed' | 'bytesRead' | 'bytesWritten' | 'tooLarge' | 'garbage',
      number
    >;
    const counts = async (): Promise<Counts> => {
      const { caches, servers, ejections } = JSON.parse((await roost('cache', 'stats', '--json')).stdout) as {
        caches: (Counts & { cache: string })[];
        servers: number;
        ejections: object;
      };
      expect({ servers, ejections }).toEqual({ servers: 1, ejections: { main: 0 } });
      return caches.find(({ cache }) => cache === 'users')!;
    };
    await flushNodes(store.caches.main!);
    const before = await counts();
    const ids = users.map(({ id }) => id);
    for (let round = 0; round < 3; round++) await client.users.getMany(ids);
    const after = await counts();
    const grown = Object.fromEntries(
      Object.entries(after).map(([name, count]) => [name, count - before[name as keyof Counts]]),
    );
    expect(grown).toMatchObject({
      hits: 120,
      misses: 60,
      stale: 0,
      leaseWaits: 0,
      bypassed: 0,
      tooLarge: 0,
      garbage: 0,
    });
    expect(grown['bytesWritten']).toBeGreaterThan(60 * 90);
    expect(grown['bytesRead']).toBeGreaterThan(2 * 60 * 90);
    expect(await metrics()).toContain(`roost_cache_hits_total{cache="users"} ${after.hits}\n`);
    expect((await roost('cache', 'stats')).stdout).toContain('lease waits');
  });

  it('takes a node out for every server, until it is brought back', async () => {
    const others = config.memcached.filter((each) => each !== node);
    /**
     * Reads users whom nobody has asked for before, half of them through the server, and counts the users whose
     * entries reached the node.
     */
    const newOnNode = async (first: number): Promise<{ served: number; library: number }> => {
      const ids = Array.from({ length: 100 }, (_, i) => BigInt(first + i));
      await client.users.getMany(ids.slice(0, 50));
      await store.get(ids.slice(50));
      const keys = new Set<string>();
      for await (const { namespace, key } of storedNames(store.caches.main!, node))
        if (namespace === 'users') keys.add(key);
      const on = (part: readonly bigint[]): number => part.filter((id) => keys.has(String(id))).length;
      return { served: on(ids.slice(0, 50)), library: on(ids.slice(50)) };
    };
    expect((await roost('cache', 'drain', node)).stderr).toContain('--yes');
    expect(await roost('cache', 'drain', node, '--yes')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining(`no server uses ${node} any more`) as string,
    });
    expect(await newOnNode(20_000)).toEqual({ served: 0, library: 0 });
    if (others.length === 1)
      expect((await roost('cache', 'drain', others[0]!, '--yes')).stderr).toContain('is the last one that holds keys');
    expect(await roost('cache', 'undrain', node)).toMatchObject({
      exitCode: 0,
      stdout: `every server uses ${node} again\n`,
    });
    const used = await newOnNode(21_000);
    expect(used.served).toBeGreaterThan(5);
    expect(used.library).toBeGreaterThan(5);
  });

  it('finds a stale user, and none after its repair', async () => {
    await client.users.putMany(
      [
        { id: 50n, name: 'a', screenName: 'a' },
        { id: 51n, name: 'b', screenName: 'b' },
      ],
      materialized,
    );
    const inspect = ['cache', 'inspect', '--settle-ms', '100'];
    expect(await roost(...inspect, 'users', '50', '51')).toMatchObject({
      exitCode: 0,
      stdout: '2 entries agree with the database\n',
    });
    // This statement bypasses the cache.
    const { route } = store.gizzard.topology.locate(usersTableId, 50n);
    const { hostname, tablePrefix } = route.leaves[0]!.shard.id;
    const table = `\`${config.cluster}\`.\`${tablePrefix}_users\``;
    await store.gizzard.mysql
      .host(hostname)
      .run(`UPDATE ${table} SET name = 'c' WHERE id = 50`, [], Deadline.after(5_000));
    const found = await roost(...inspect);
    expect(found).toMatchObject({
      exitCode: 18,
      stderr: expect.stringContaining('entries say something else') as string,
    });
    expect(found.stdout).toMatch(/users +│? *50/);
    expect((await roost('cache', 'flush')).stderr).toContain('--yes');
    expect(await roost('cache', 'flush', '--yes')).toMatchObject({ exitCode: 0 });
    await client.users.getMany([50n, 51n]);
    expect(await roost(...inspect)).toMatchObject({ exitCode: 0, stdout: '2 entries agree with the database\n' });
  });

  it('refuses to warm a node that is in, and an unknown node', async () => {
    expect((await roost('cache', 'warm', node)).stderr).toContain('is in: only one that is warming');
    expect((await roost('cache', 'flush', 'nowhere:1', '--yes')).stderr).toContain('there is no cache node nowhere:1');
  });
});

const metrics = async (): Promise<string> =>
  (await fetch(`http://127.0.0.1:${server.ready.admin.port}/metrics`)).text();
