import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { configSchema, type RoostConfigInput } from '../process/index.js';
import { readPlayground, startPlayground, stopPlayground, type Playground } from './index.js';
import { PlaygroundFolder } from './folder.js';
import { probeMemcached } from './probes.js';
import type { PlaygroundState } from './state.js';

// Each test starts servers several times, on a machine that other tests share.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let parent: string;
let dir: string;

const makeFolder = (): void => {
  parent = mkdtempSync(join(tmpdir(), 'roost-playground-'));
  dir = join(parent, 'p');
};

const removeFolder = async (): Promise<void> => {
  // What a failed test left.
  if (existsSync(join(dir, 'playground.json'))) await stopPlayground(dir).catch(() => undefined);
  rmSync(parent, { recursive: true, force: true });
};

const small = { databaseHosts: 1, caches: 1 } as const;

async function query(playground: Playground, sql: string, name = 'db1'): Promise<RowDataPacket[]> {
  const host = playground.databaseHosts.find((candidate) => candidate.name === name);
  if (host === undefined) throw new Error(`no ${name}`);
  const connection = await createConnection({
    host: host.host,
    port: host.port,
    user: host.user,
    password: host.password,
  });
  try {
    return (await connection.query(sql))[0] as RowDataPacket[];
  } finally {
    await connection.end();
  }
}

async function redis<T>(playground: Playground, action: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({ ...playground.redis, maxRetriesPerRequest: 1 });
  try {
    return await action(client);
  } finally {
    client.disconnect();
  }
}

const pidsOf = async (): Promise<number[]> => (await readPlayground(dir)).servers.flatMap(({ pid }) => pid ?? []);
const exists = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
const editState = (edit: (state: PlaygroundState) => void): void => {
  const folder = new PlaygroundFolder(dir);
  const state = folder.readState() as PlaygroundState;
  edit(state);
  folder.writeState(state);
};

describe('a running playground', () => {
  let playground: Playground;

  beforeAll(async () => {
    makeFolder();
    playground = await startPlayground({ dir, databaseHosts: 2, caches: 2, services: ['notes'] });
  });

  afterAll(async () => {
    await playground.stop();
    await removeFolder();
  });

  it('has the servers asked for, with the settings that the journal and the tables rely on', async () => {
    expect(playground.source).toBe('binaries');
    expect(playground.serverVersion).toMatch(/^(MariaDB|MySQL) \d+\.\d+\.\d+$/);
    expect(playground.databaseHosts.map(({ name }) => name)).toEqual(['db1', 'db2']);
    for (const { name } of playground.databaseHosts) {
      const [row] = await query(
        playground,
        'SELECT @@innodb_flush_log_at_trx_commit AS flush_log, @@log_bin AS log_bin, @@bind_address AS bound',
        name,
      );
      expect(row).toMatchObject({ flush_log: 1, log_bin: 0, bound: '127.0.0.1' });
    }
    const settings = await redis(playground, (client) => client.config('GET', 'append*', 'bind', 'maxmemory-policy'));
    expect(settings).toEqual(
      expect.arrayContaining([
        'appendonly',
        'yes',
        'appendfsync',
        'always',
        'bind',
        '127.0.0.1',
        'maxmemory-policy',
        'noeviction',
      ]),
    );
    expect(await Promise.all(playground.memcached.map((node) => probeMemcached(node)))).toHaveLength(2);
  });

  it('has a configuration that names its servers, and free ports for ours', () => {
    const { server, ...written } = JSON.parse(readFileSync(playground.configPath, 'utf8')) as RoostConfigInput;
    const config = configSchema.parse(written);
    expect(Object.keys(config.databaseHosts)).toEqual(['db1', 'db2']);
    expect(config.databaseHosts['db2']).toEqual(
      expect.objectContaining({
        port: playground.databaseHosts[1]?.port,
        password: playground.databaseHosts[1]?.password,
      }),
    );
    expect(config.nameServer.hosts).toEqual(['db1']);
    expect(config.redis.port).toBe(playground.redis.port);
    expect(config.memcached).toEqual(playground.memcached.map(({ host, port }) => `${host}:${port}`));
    expect(Object.keys(server!)).toEqual(['managerPort', 'injectorPort', 'adminPort', 'notesPort']);
    expect(
      new Set([...Object.values(server!), ...playground.databaseHosts.map(({ port }) => port), playground.redis.port])
        .size,
    ).toBe(7);
  });

  it('is readable by its owner only, and its databases ask for the password', async () => {
    const modes = readdirSync(dir).map((name) => [name, (statSync(join(dir, name)).mode & 0o077).toString(8)]);
    expect(modes).toEqual(modes.map(([name]) => [name, '0']));
    expect(statSync(dir).mode & 0o077).toBe(0);
    const { host, port } = playground.databaseHosts[0] as { host: string; port: number };
    for (const user of ['root', '']) {
      await expect(createConnection({ host, port, user })).rejects.toMatchObject({ code: 'ER_ACCESS_DENIED_ERROR' });
    }
  });

  it('has servers that come back from a kill on the same port with their data', async () => {
    await query(playground, 'CREATE DATABASE kept');
    await redis(playground, (client) => client.set('kept', '1'));
    const before = (await readPlayground(dir)).servers;
    await Promise.all([playground.kill('db1'), playground.kill('redis')]);
    const killed = (await readPlayground(dir)).servers;
    expect(killed.filter(({ alive }) => !alive).map(({ name }) => name)).toEqual(['db1', 'redis']);
    expect(killed.filter(({ alive, pid }) => !alive && exists(pid ?? 0))).toEqual([]);
    await expect(playground.kill('db1')).rejects.toMatchObject({
      code: 'FailedPrecondition',
      fields: { server: 'db1' },
    });
    await Promise.all([playground.restart('db1'), playground.restart('redis')]);
    expect((await readPlayground(dir)).servers.map(({ port }) => port)).toEqual(before.map(({ port }) => port));
    expect(await query(playground, "SHOW DATABASES LIKE 'kept'")).toHaveLength(1);
    expect(await redis(playground, (client) => client.get('kept'))).toBe('1');
  });

  it('has servers that stand still when paused, and answer once resumed', async () => {
    const pid = (await readPlayground(dir)).servers[0]?.pid;
    await playground.pause('db1');
    expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toMatch(/\) T /);
    await playground.resume('db1');
    expect(await query(playground, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('lists its servers when asked for an unknown one', async () => {
    await expect(playground.kill('db9')).rejects.toThrow(/db1, db2, redis, cache1, cache2/);
  });

  it('refuses a second start while all of it runs, is adopted when asked, and starts again what is dead', async () => {
    await expect(startPlayground({ dir })).rejects.toMatchObject({
      code: 'FailedPrecondition',
      message: expect.stringMatching(/already runs/) as string,
    });
    await expect(startPlayground({ dir, databaseHosts: 3, adopt: true })).rejects.toMatchObject({
      code: 'FailedPrecondition',
      fields: { option: 'databaseHosts' },
    });
    await startPlayground({ dir, adopt: true });
    await playground.kill('redis');
    const adopted = await startPlayground({ dir });
    expect(adopted.databaseHosts).toEqual(playground.databaseHosts);
    expect(await redis(adopted, (client) => client.ping())).toBe('PONG');
  });
});

describe('a stop', () => {
  beforeEach(makeFolder);
  afterEach(removeFolder);

  it('leaves no process, no folder and no data, not even of a server that is paused, and may be repeated', async () => {
    const playground = await startPlayground({ dir, ...small });
    const pids = await pidsOf();
    expect(pids.map(exists)).toEqual([true, true, true]);
    await playground.pause('db1');
    await playground.stop();
    expect(pids.filter(exists)).toEqual([]);
    expect(readdirSync(parent)).toEqual([]);
    await playground.stop();
    await expect(stopPlayground(dir)).rejects.toMatchObject({ code: 'NotFound' });
    await expect(readPlayground(dir)).rejects.toMatchObject({ code: 'NotFound' });
    await expect(playground.kill('db1')).rejects.toMatchObject({ code: 'FailedPrecondition' });
    expect(readdirSync(parent)).toEqual([]);
  });

  it('keeps files that are not the playground’s, and removes sockets that had to stand elsewhere', async () => {
    dir = join(parent, 'x'.repeat(100));
    const playground = await startPlayground({ dir, ...small });
    const socketPath = playground.databaseHosts[0]?.socketPath ?? '';
    expect(socketPath).toMatch(/^\/tmp\/roost-[0-9a-f]{12}\/db1\/mysql\.sock$/);
    expect(statSync(dirname(socketPath)).mode & 0o077).toBe(0);
    writeFileSync(join(dir, 'notes.txt'), 'mine');
    await playground.stop();
    expect(existsSync(dirname(dirname(socketPath)))).toBe(false);
    expect(readdirSync(dir)).toEqual(['notes.txt']);
  });
});

describe('a folder that has been used', () => {
  beforeEach(makeFolder);
  afterEach(removeFolder);

  it('starts again with the data that a stop kept', async () => {
    const first = await startPlayground({ dir, ...small });
    await query(first, 'CREATE DATABASE kept');
    await first.stop({ keepData: true });
    expect((await readPlayground(dir)).servers.some(({ alive }) => alive)).toBe(false);
    // The old port is no longer free: the server must move.
    const squatter = createServer().listen(first.databaseHosts[0]?.port, '127.0.0.1');
    const second = await startPlayground({ dir, databaseHosts: 2, caches: 1 });
    squatter.close();
    expect(await query(second, "SHOW DATABASES LIKE 'kept'")).toHaveLength(1);
    expect(second.databaseHosts[0]?.port).not.toBe(first.databaseHosts[0]?.port);
    expect(await query(second, "SHOW DATABASES LIKE 'kept'", 'db2')).toHaveLength(0);
    await second.stop();
    expect(existsSync(dir)).toBe(false);
  });

  it('is cleaned of a server whose pid its killed starter did not come to write down', async () => {
    await startPlayground({ dir, ...small });
    const pids = await pidsOf();
    editState((state) => {
      state.phase = 'starting';
      for (const server of state.servers) delete server.process;
    });
    const again = await startPlayground({ dir, ...small });
    expect(pids.filter(exists)).toEqual([]);
    await again.stop();
  });

  it('does not have processes killed that merely got the pid of one of its servers', async () => {
    const playground = await startPlayground({ dir, ...small });
    await playground.stop({ keepData: true });
    const bystander = spawn('sleep', ['60']);
    editState((state) => {
      state.phase = 'running';
      for (const server of state.servers) server.process = { pid: bystander.pid ?? 0, startMark: '0'.repeat(16) };
    });
    const again = await startPlayground({ dir, ...small });
    await again.stop();
    expect(exists(bystander.pid ?? 0)).toBe(true);
    bystander.kill();
  });

  it('is refused, and left unchanged, when it holds other files', async () => {
    writeFileSync(join(parent, 'letter.txt'), 'dear');
    await expect(startPlayground({ dir: parent })).rejects.toMatchObject({
      code: 'FailedPrecondition',
      fields: { dir: parent },
    });
    await expect(startPlayground({ dir: join(parent, 'letter.txt') })).rejects.toMatchObject({
      code: 'FailedPrecondition',
    });
    await expect(stopPlayground(parent)).rejects.toMatchObject({ code: 'NotFound' });
    expect(readdirSync(parent)).toEqual(['letter.txt']);
  });

  it('says what a server logged when its data cannot be used, and ends the others; is refused when its state cannot be read', async () => {
    const playground = await startPlayground({ dir, ...small });
    await playground.stop({ keepData: true });
    truncateSync(join(dir, 'db1', 'data', 'ibdata1'), 100);
    await expect(startPlayground({ dir, ...small })).rejects.toMatchObject({
      code: 'FailedPrecondition',
      message: expect.stringMatching(/^db1 did not start[^]*ibdata1/) as string,
      fields: { server: 'db1' },
    });
    const { phase, servers } = await readPlayground(dir);
    expect({ phase, alive: servers.filter(({ alive }) => alive) }).toEqual({ phase: 'stopped', alive: [] });
    truncateSync(join(dir, 'playground.json'), 20);
    await expect(startPlayground({ dir, ...small })).rejects.toMatchObject({ code: 'DataLoss' });
    expect(existsSync(join(dir, 'db1', 'data'))).toBe(true);
  });

  it.each([0, 33, 1.5])('is not created for %d database hosts', async (databaseHosts) => {
    await expect(startPlayground({ dir, databaseHosts })).rejects.toMatchObject({ code: 'InvalidArgument' });
    expect(existsSync(dir)).toBe(false);
  });
});
