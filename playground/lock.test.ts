import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { withLock } from './lock.js';
import { identify } from './processes.js';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'roost-lock-'));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

it('lets one at a time into a folder', async () => {
  const dir = join(parent, 'playground');
  let insideCount = 0;
  const seen: number[] = [];
  const enter = (): Promise<void> =>
    withLock(dir, 20_000, async () => {
      seen.push(++insideCount);
      await sleep(5);
      insideCount--;
    });
  await Promise.all(Array.from({ length: 8 }, enter));
  expect(seen).toEqual(Array(8).fill(1));
});

it('refuses when the folder stays in use, and says by whom', async () => {
  await withLock(parent, 0, async () => {
    await expect(withLock(parent, 50, async () => undefined)).rejects.toMatchObject({
      code: 'FailedPrecondition',
      fields: { dir: parent, pid: String(process.pid) },
    });
  });
});

it('does not count the claim of a process that is gone, though its pid be used again', async () => {
  const self = identify(process.pid);
  expect(self).toBeDefined();
  writeFileSync(join(parent, `lock-${process.pid}-${'0'.repeat(16)}-1`), '');
  writeFileSync(join(parent, 'keep'), '');
  await expect(withLock(parent, 0, async () => 'done')).resolves.toBe('done');
  expect(readdirSync(parent)).toEqual(['keep']);
});

it('leaves no files behind, also when the work fails', async () => {
  const dir = join(parent, 'deep', 'playground');
  await expect(withLock(dir, 0, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(existsSync(dir)).toBe(false);
});
