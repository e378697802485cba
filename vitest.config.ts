import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { defineConfig } from 'vitest/config';

// Three projects, told apart by the files themselves:
//   long         x.long.test.ts, only with `npm run test:long`
//   integration  a test that imports test/support or the playground; one shared playground is started for all of them
//   unit         every other test: needs no server
const ignored = /^(\.|dist|node_modules|docs$|scripts$)/;
const testFiles = readdirSync(import.meta.dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !ignored.test(entry.name))
  .flatMap((folder) => readdirSync(join(import.meta.dirname, folder.name), { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
  .map((entry) => relative(import.meta.dirname, join(entry.parentPath, entry.name)));

const projectOf = (file: string): string => {
  if (file.endsWith('.long.test.ts')) return 'long';
  const needsServers = /from '[^']*(support|playground)\/|\b(freshCluster|startPlayground)\(/;
  return needsServers.test(readFileSync(join(import.meta.dirname, file), 'utf8')) ? 'integration' : 'unit';
};

const project = (name: string, globalSetup: string[]) => ({
  extends: true as const,
  test: { name, globalSetup, include: testFiles.filter((file) => projectOf(file) === name) },
});

const long = process.env['ROOST_LONG'] !== undefined;
const servers = ['test/globalSetup.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    // Servers share the machine with the tests; more workers than this make them wait for each other.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    setupFiles: ['test/support/leaks.ts'],
    projects: long ? [project('long', servers)] : [project('unit', []), project('integration', servers)],
  },
});
