import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { configSchema } from './config.js';
import { passwordOf } from './secret.js';

const folder = mkdtempSync(join(tmpdir(), 'roost-secret-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('reads a password file anew each time, without the line break at its end', () => {
  const passwordFile = join(folder, 'password');
  for (const [text, password] of [
    ['first\n', 'first'],
    ['with space \n\n', 'with space \n'],
  ]) {
    writeFileSync(passwordFile, text!);
    expect(passwordOf({ passwordFile })).toBe(password);
  }
  expect(passwordOf({ password: 'given' })).toBe('given');
});

it('names a file that cannot be read', () => {
  const passwordFile = join(folder, 'missing');
  expect(() => passwordOf({ passwordFile })).toThrow(
    expect.objectContaining({ code: 'FailedPrecondition', message: expect.stringContaining(passwordFile) as string }),
  );
});

it('takes a password or a file, and not both', () => {
  const config = { databaseHosts: { db1: {} }, nameServer: { hosts: ['db1'] } };
  const both = { password: 'a', passwordFile: '/a' };
  expect(configSchema.safeParse({ ...config, redis: both }).error?.issues[0]?.message).toMatch(/passwordFile/);
  expect(configSchema.safeParse({ ...config, databaseHosts: { db1: both } }).success).toBe(false);
  expect(configSchema.safeParse({ ...config, redis: { passwordFile: '/a' } }).success).toBe(true);
});
