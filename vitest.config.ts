import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { defineConfig } from 'vitest/config';
import { projectOf } from './test/projectOf.js';

// Three projects, told apart by the files themselves: test/projectOf.ts.
const ignored = /^(\.|dist|node_modules|docs$|scripts$)/;
const testFiles = readdirSync(import.meta.dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !ignored.test(entry.name))
  .flatMap((folder) => readdirSync(join(import.meta.dirname, folder.name), { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
  .map((entry) => relative(import.meta.dirname, join(entry.parentPath, entry.name)));

const project = (name: string, globalSetup: string[]) => ({
  extends: true as const,
  test: {
    name,
    globalSetup,
    // Unit tests share the modules that a worker has loaded: loading them anew for each file took longer than the tests.
    isolate: name !== 'unit',
    setupFiles: ['test/support/leaks.ts', ...(name === 'unit' ? ['test/support/noServers.ts'] : [])],
    include: testFiles.filter((file) => projectOf(import.meta.dirname, file) === name),
  },
});

const long = process.env['ROOST_LONG'] !== undefined;
const servers = ['test/globalSetup.ts'];

export default defineConfig({
  // Examples import the package by its name, as those who copy them do.
  resolve: { alias: [{ find: /^roostdb\/(.*)$/, replacement: join(import.meta.dirname, '$1/index.ts') }] },
  test: {
    pool: 'forks',
    // Tests wait for servers much of the time, so that a third worker keeps two cores busy.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Longer than one second, which a loaded machine takes for a few writes.
    expect: { poll: { timeout: 15_000 } },
    // A machine that CI shares may stand still for seconds. A test that passes the second time only is shown as such; at a desk it fails.
    retry: process.env['CI'] === undefined ? 0 : 1,
    projects: long ? [project('long', servers)] : [project('unit', []), project('integration', servers)],
  },
});
