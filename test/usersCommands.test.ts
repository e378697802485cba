import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deadline } from '../core/index.js';
import { openUsers, usersTableId, type OpenUsers } from '../users/index.js';
import { callRoost } from './callRoost.js';
import type { Finished } from './runRoost.js';
import { freshCluster } from './support/index.js';

const { config, configPath } = freshCluster('usercli', { cache: { deadlineMs: 500 } });
const folder = mkdtempSync(join(tmpdir(), 'roost-users-'));
const roost = (...args: string[]): Promise<Finished> => callRoost([...args, '--config', configPath], folder);
const [node] = config.memcached as [string];
let server: OpenUsers;

beforeAll(async () => {
  expect(await roost('users', 'setup', '--shards', '2', '--replicas', '1', '--json')).toEqual({ exitCode: 0, stderr: '', stdout: '{"shards":2,"replicas":1}\n' });
  server = await openUsers(config, { work: true });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('roost users', () => {
  it('writes, shows and removes', async () => {
    expect(await roost('users', 'create', '12', 'jack', '--name', 'Jack', '--flags', '3')).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await roost('users', 'get', '12', '13', '--json')).stdout).toBe('{"users":[{"id":"12","name":"Jack","screenName":"jack","flags":3},null]}\n');
    expect((await roost('users', 'get', '12')).stdout).toContain('protected verified');
    expect(await roost('users', 'remove', '12')).toMatchObject({ exitCode: 0, stdout: 'removed user 12\n' });
    expect(await roost('users', 'get', '12')).toMatchObject({ exitCode: 11, stdout: '' });
    expect((await roost('users', 'create', '12', 'no spaces')).stderr).toContain('a screen name has 1 to 20');
  });
});

describe('roost cache', () => {
  it('shows the nodes', async () => {
    const { nodes } = JSON.parse((await roost('cache', 'stats', '--json')).stdout) as { nodes: { node: string; state: string; pool: string; memcached: { maxBytes: number } }[] };
    expect(nodes.map((each) => [each.pool, each.node, each.state, each.memcached.maxBytes]).sort()).toEqual(config.memcached.map((each) => ['main', each, 'in', 64 * 1024 * 1024]).sort());
    expect((await roost('cache', 'stats')).stdout).toContain(node);
  });

  it('finds a stale user, and nothing once it is put right', async () => {
    await server.put([{ id: 50n, name: 'a', screenName: 'a', flags: 0 }, { id: 51n, name: 'b', screenName: 'b', flags: 0 }], { acknowledgement: 'materialized' });
    const inspect = ['cache', 'inspect', '--settle-ms', '100'];
    expect(await roost(...inspect, '50', '51')).toMatchObject({ exitCode: 0, stdout: '2 entries agree with the database\n' });
    // Behind the cache's back.
    const { route } = server.gizzard.topology.locate(usersTableId, 50n);
    const { hostname, tablePrefix } = route.leaves[0]!.shard.id;
    const table = `\`${config.cluster}\`.\`${tablePrefix}_users\``;
    await server.gizzard.hosts.host(hostname).run(`UPDATE ${table} SET name = 'c' WHERE id = 50`, [], Deadline.after(5_000));
    const found = await roost(...inspect);
    expect(found).toMatchObject({ exitCode: 18, stdout: '' });
    expect(found.stderr).toContain('users 50');
    expect((await roost('cache', 'flush')).stderr).toContain('--yes');
    expect(await roost('cache', 'flush', '--yes')).toMatchObject({ exitCode: 0 });
    await server.get([50n, 51n]);
    expect(await roost(...inspect)).toMatchObject({ exitCode: 0, stdout: '2 entries agree with the database\n' });
  });

  it('says what it cannot do', async () => {
    expect((await roost('cache', 'warm', node)).stderr).toContain('is in: only one that is warming');
    expect((await roost('cache', 'flush', 'nowhere:1', '--yes')).stderr).toContain('there is no cache node nowhere:1');
  });
});
