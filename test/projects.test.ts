import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectOf } from './projectOf.js';

const root = mkdtempSync(join(tmpdir(), 'roost-projects-'));
const file = (path: string, text: string): string => {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
  return path;
};

beforeAll(() => {
  file('test/support/index.ts', 'export const cluster = 1;\n');
  file('test/support/leaks.ts', 'export {};\n');
  file(
    'test/helper.ts',
    "import { second } from './second.js';\nimport './helper.js';\nexport const first = second;\n",
  );
  file('test/second.ts', "export {\n  cluster as second,\n} from './support/index.js';\n");
  file('playground/index.ts', "export { startPlayground } from './startPlayground.js';\n");
  file('playground/startPlayground.ts', 'export const startPlayground = 1;\n');
  file('playground/lock.ts', 'export const lock = 1;\n');
  file(
    'cli/playground.ts',
    "import { startPlayground } from '../playground/index.js';\nexport const command = startPlayground;\n",
  );
});
afterAll(() => rmSync(root, { recursive: true }));

describe('a test', () => {
  it.each([
    ['names what it imports', "import { cluster } from '../test/support/index.js';"],
    ['imports for the effect alone', "import '../test/support/index.js';"],
    ['imports when it runs', `const { cluster } = await ${'import'}('../test/support/index.js');`],
    ['imports over several lines', "import {\n  cluster,\n} from '../test/support/index.js';"],
    ['imports through other files', "import { first } from '../test/helper.js';"],
    ['starts a playground', "import { startPlayground } from '../playground/index.js';"],
  ])('needs servers where it %s', (_, text) => {
    expect(projectOf(root, file('flock/a.test.ts', `import { it } from 'vitest';\n${text}\n`))).toBe('integration');
  });

  it.each([
    ['imports a type', "import type { cluster } from '../test/support/index.js';"],
    ['imports code that could start servers', "import { command } from '../cli/playground.js';"],
    ['imports another part of the playground', "import { lock } from '../playground/lock.js';"],
    ['names a path in a comment', "// from '../test/support/index.js'"],
  ])('needs none where it %s', (_, text) => {
    expect(projectOf(root, file('flock/b.test.ts', `${text}\n`))).toBe('unit');
  });

  it('is long by its name', () => {
    expect(projectOf(root, 'flock/c.long.test.ts')).toBe('long');
  });
});

it.each([
  ['mysqld', []],
  ['/usr/sbin/mariadbd', ['--version']],
  ['redis-server', ['--version']],
  [process.execPath, ['dist/cli/main.js', 'serve']],
])('a unit test cannot start %s', (command, args) => {
  expect(() => spawn(command, args)).toThrow('a unit test starts a server');
});

it('the test of killed processes, which imports its cluster for the effect alone, is one with servers', () => {
  expect(projectOf(join(import.meta.dirname, '..'), 'test/moving/killed.test.ts')).toBe('integration');
});
