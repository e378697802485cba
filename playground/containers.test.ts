import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { ContainerEngine } from './containerEngine.js';
import { PlaygroundFolder } from './folder.js';
import { readPlayground, startPlayground, stopPlayground, type Playground, type PlaygroundOptions } from './index.js';
import { probeMysql } from './probes.js';

// The first run fetches images.
const timeoutMs = 600_000;
let engine: ContainerEngine | undefined;
let parent: string;
let dir: string;

beforeAll(async () => {
  engine = await ContainerEngine.connect();
});

beforeEach(({ skip }) => {
  skip(engine === undefined, 'no container engine answers');
  parent = mkdtempSync(join(tmpdir(), 'roost-containers-'));
  dir = join(parent, 'p');
});

afterEach(async () => {
  if (engine === undefined) return;
  // What a failed test left.
  if (existsSync(dir)) await stopPlayground(dir);
  rmSync(parent, { recursive: true, force: true });
});

const start = (options: Partial<PlaygroundOptions> = {}): Promise<Playground> =>
  startPlayground({ dir, source: 'containers', databaseHosts: 1, caches: 1, ...options });
const containers = (): Promise<string[]> => engine?.find(`roostdb.playground=${dir}`) ?? Promise.resolve([]);

async function query(playground: Playground, sql: string): Promise<RowDataPacket[]> {
  const { host, port, user, password } = playground.databaseHosts[0] ?? { host: '', port: 0, user: '', password: '' };
  const connection = await createConnection({ host, port, user, password });
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

it(
  'servers in containers are killed, restarted, paused and stopped like any others',
  { timeout: timeoutMs },
  async () => {
    const playground = await start();
    expect(playground.source).toBe('containers');
    expect(
      await query(playground, 'SELECT @@innodb_flush_log_at_trx_commit AS flush_log, @@log_bin AS log_bin'),
    ).toEqual([{ flush_log: 1, log_bin: 0 }]);
    expect(await redis(playground, (client) => client.config('GET', 'appendfsync'))).toEqual(['appendfsync', 'always']);
    await query(playground, 'CREATE DATABASE kept');
    await redis(playground, (client) => client.set('kept', '1'));
    await Promise.all([playground.kill('db1'), playground.kill('redis')]);
    expect((await readPlayground(dir)).servers.map(({ alive }) => alive)).toEqual([false, false, true]);
    await expect(playground.kill('db1')).rejects.toMatchObject({ code: 'FailedPrecondition' });
    await Promise.all([playground.restart('db1'), playground.restart('redis')]);
    expect(await query(playground, "SHOW DATABASES LIKE 'kept'")).toHaveLength(1);
    expect(await redis(playground, (client) => client.get('kept'))).toBe('1');
    await playground.pause('db1');
    const { host, port, password } = playground.databaseHosts[0] ?? { host: '', port: 0, password: '' };
    await expect(probeMysql({ host, port }, password)).rejects.toThrow();
    await playground.resume('db1');
    await playground.pause('redis');
    await playground.stop();
    expect(await containers()).toEqual([]);
    expect(existsSync(dir)).toBe(false);
  },
);

it('a container whose starter was killed before it wrote it down is removed', { timeout: timeoutMs }, async () => {
  await start();
  const before = await containers();
  const folder = new PlaygroundFolder(dir);
  const state = folder.readState();
  if (state === undefined) throw new Error('no state');
  folder.writeState({
    ...state,
    phase: 'starting',
    servers: state.servers.map(({ containerId: _, ...server }) => server),
  });
  const again = await start();
  const after = await containers();
  expect(after).toHaveLength(3);
  expect(after.filter((id) => before.includes(id))).toEqual([]);
  await again.stop();
  expect(await containers()).toEqual([]);
});

it('goes on with the data that a stop kept', { timeout: timeoutMs }, async () => {
  const first = await start();
  await query(first, 'CREATE DATABASE kept');
  await first.stop({ keepData: true });
  await expect(startPlayground({ dir, source: 'binaries' })).rejects.toMatchObject({
    code: 'FailedPrecondition',
    fields: { option: 'source' },
  });
  const second = await start();
  expect(await query(second, "SHOW DATABASES LIKE 'kept'")).toHaveLength(1);
  await second.stop();
});
