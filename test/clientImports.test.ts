import { join, relative } from 'node:path';
import { expect, it } from 'vitest';
import { reachedFrom } from './reachedFrom.js';

// test/package.test.ts checks the same for the compiled package.

const root = join(import.meta.dirname, '..');
const foldersOf = (files: readonly string[]): string[] =>
  [...new Set(files.map((file) => relative(root, file).split('/')[0]!))].sort();
const ofOthers = (packages: readonly string[]): string[] => packages.filter((name) => !name.startsWith('node:'));

it('the client reaches the wire and core/ alone, types included, and one small package', () => {
  const { files, packages } = reachedFrom(join(root, 'sdk/index.ts'));
  expect(files.length).toBeGreaterThan(80);
  expect(foldersOf(files)).toEqual(['core', 'sdk', 'wire']);
  expect(ofOthers(packages)).toEqual(['dataloader']);
  expect(files.filter((file) => /Manager/i.test(file))).toEqual([]);
});

it.each(['core', 'wire'])('%s/ needs no package', (folder) => {
  expect(ofOthers(reachedFrom(join(root, folder, 'index.ts')).packages)).toEqual([]);
});

it('a database driver is found where there is one', () => {
  expect(ofOthers(reachedFrom(join(root, 'users/index.ts')).packages)).toEqual(
    expect.arrayContaining(['mysql2', 'ioredis', 'zod']),
  );
});
