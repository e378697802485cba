import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Deadline } from '../core/index.js';
import { startPlayground, type Playground } from '../playground/index.js';
import { createLog, silentLog } from '../process/index.js';
import { RedisHost } from './redisHost.js';

const dir = mkdtempSync(join(tmpdir(), 'roost-redis-'));
const passwordFile = join(dir, 'password');
let playground: Playground;
let operator: Redis;

beforeAll(async () => {
  playground = await startPlayground({ dir: join(dir, 'p'), databaseHosts: 1, caches: 0 });
  operator = new Redis(playground.redis);
});
afterAll(async () => {
  await operator.quit();
  await playground.stop();
  rmSync(dir, { recursive: true, force: true });
});

it('logs in with what a password file holds, also when the connection is made anew', async () => {
  await operator.acl('SETUSER', 'roost', 'on', '~*', '+@all', '>one');
  writeFileSync(passwordFile, 'one\n');
  const host = new RedisHost('r1', { ...playground.redis, username: 'roost', passwordFile }, silentLog);
  try {
    const ping = (): Promise<string> => host.run(Deadline.after(5_000), (redis) => redis.ping());
    expect(await ping()).toBe('PONG');
    await operator.acl('SETUSER', 'roost', '>two', '<one');
    writeFileSync(passwordFile, 'two\n');
    expect(readFileSync(passwordFile, 'utf8')).toBe('two\n');
    await operator.client('KILL', 'USER', 'roost');
    await expect.poll(ping, { timeout: 10_000 }).toBe('PONG');
  } finally {
    host.close();
  }
});

it('shows a password that is refused neither in its errors nor in its log', async () => {
  await operator.acl('SETUSER', 'roost', 'on', '~*', '+@all', '>right');
  const lines = new PassThrough();
  const logged = text(lines);
  const config = { ...playground.redis, username: 'roost', password: 'planted-and-wrong' };
  const host = new RedisHost('r1', config, createLog('debug', lines));
  const refused = await host.run(Deadline.after(2_000), (redis) => redis.ping()).catch((error: unknown) => error);
  host.close();
  lines.end();
  const shown = inspect(refused, { depth: 8 }) + (await logged);
  expect(shown).toMatch(/WRONGPASS/);
  expect(shown).not.toMatch(/planted/);
});
