import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Redis } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import { freshCluster } from '../test/support/index.js';
import { silentLog } from '../process/index.js';
import { connectRedis, LuaScript } from './index.js';

const folder = mkdtempSync(join(tmpdir(), 'roost-lua-'));
const { config } = freshCluster('lua');
const redis: Redis = connectRedis(config.redis, silentLog);
afterAll(() => {
  redis.disconnect();
  rmSync(folder, { recursive: true });
});

function script<Answer>(name: string, text: string): LuaScript<object, object, Answer> {
  const file = join(folder, `${name}.lua`);
  writeFileSync(file, text);
  return new LuaScript(pathToFileURL(file));
}

describe('a script in a file of its own', () => {
  it('finds each key and argument under its name', async () => {
    writeFileSync(join(folder, 'twice.lua'), 'local function twice(text) return text .. text end\n');
    const all = script<unknown>(
      'all',
      `-- KEYS: one, two?, three?, lists[], more[]
-- ARGV: a, b
-- ARGV: c?, d[], e[]
-- include: twice
return {one, two or 'none', three or 'none', #lists, more[1], twice(a), b, c or 'none', d[2], #e}`,
    );
    const answer = await all.run(
      redis,
      { one: '1', three: '3', lists: [], more: ['m'] },
      { a: 'a', b: 2, d: ['x', Buffer.from('y')], e: [] },
    );
    expect(answer).toEqual(['1', 'none', '3', 0, 'm', 'aa', '2', 'none', 'y', 0]);
  });

  it('is loaded again into a Redis that has forgotten it', async () => {
    const one = script<number>('one', '-- KEYS: a\nreturn 1');
    expect(await one.run(redis, { a: 'a' }, {})).toBe(1);
    await redis.script('FLUSH');
    expect(await one.run(redis, { a: 'a' }, {})).toBe(1);
  });

  it('refuses a name that is missing, unknown, or not a list', async () => {
    const some = script('some', '-- KEYS: a\n-- ARGV: b, c[]\nreturn 1');
    await expect(some.run(redis, { a: 'a' }, { c: [] })).rejects.toThrow('needs b');
    await expect(some.run(redis, { a: 'a' }, { b: 1, c: 1 })).rejects.toThrow('needs a list c');
    await expect(some.run(redis, { a: 'a', z: 'z' }, { b: 1, c: [] })).rejects.toThrow('has no z');
    expect(() => script('mixed', '-- KEYS: a[], b\nreturn 1')).toThrow('in no order');
  });
});
