import { ESLint } from 'eslint';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importCycles } from './importCycles.js';

const root = join(import.meta.dirname, '..');
const eslint = new ESLint({
  cwd: root,
  // The files below do not exist, so that there are no types to check.
  overrideConfig: { languageOptions: { parserOptions: { projectService: false, project: null } } },
  ruleFilter: ({ ruleId }) => ruleId.startsWith('import-x/') || ruleId === 'no-restricted-imports',
});

/** Returns the rules that an import breaks in a new file of a folder. */
async function broken(folder: string, imported: string, file = 'virtual.ts'): Promise<(string | null)[]> {
  const [result] = await eslint.lintText(`export * from '${imported}';\n`, { filePath: join(root, folder, file) });
  return result!.messages.map((message) => message.ruleId);
}

describe('the check of layers', () => {
  it.each([
    ['core', '../flock/index.js'],
    ['gizzard', '../flock/index.js'],
    ['cache', '../flock/index.js'],
    ['wire', '../flock/index.js'],
    ['playground', '../flock/index.js'],
    ['sdk', '../flock/index.js'],
    ['sdk', '../playground/index.js'],
    ['sdk', '../process/index.js'],
    ['server', '../playground/index.js'],
    ['server', '../flock/index.js'],
    ['core', '../test/support/index.js'],
  ])('refuses that %s/ imports %s', async (folder, imported) => {
    expect(await broken(folder, imported)).toEqual(['import-x/no-restricted-paths']);
  });

  it.each([
    ['core', './errors.js'],
    ['gizzard', '../core/index.js'],
    ['gizzard', '../process/index.js'],
    ['playground', '../core/index.js'],
    ['sdk', '../core/index.js'],
    ['sdk', '../wire/index.js'],
    ['flock', '../wire/index.js'],
    ['flock', '../server/index.js'],
    ['cli', '../flock/index.js'],
    ['test', '../flock/index.js'],
  ])('accepts that %s/ imports %s', async (folder, imported) => {
    expect(await broken(folder, imported)).toEqual([]);
  });

  it('refuses the internals of another folder', async () => {
    expect(await broken('flock', '../core/errors.js')).toEqual(['no-restricted-imports']);
    expect(await broken('flock/deeper', '../../core/errors.js')).toEqual(['no-restricted-imports']);
    expect(await broken('flock/deeper', '../types.js')).toEqual([]);
  });
});

describe('circles of imports', () => {
  it('do not exist', () => {
    const sources = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '*.ts'], {
      cwd: root,
      encoding: 'utf8',
    })
      .split('\0')
      .filter((file) => file !== '' && !file.startsWith('wire/gen/'))
      .map((file) => join(root, file));
    expect(importCycles(sources.filter((file) => existsSync(file)))).toEqual([]);
  });

  it('are found, unless they consist of types alone', () => {
    const folder = mkdtempSync(join(tmpdir(), 'roost-cycles-'));
    const source = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    try {
      const a = source('a.ts', "import { type B, b } from './b.js';\nexport const a = b;\n");
      const b = source('b.ts', "export * from './c.js';\nexport type B = 1;\nexport const b = 1;\n");
      const c = source('c.ts', "import { a } from './a.js';\nexport const c = a;\n");
      expect(importCycles([a, b, c])).toEqual([[a, b, c, a]]);
      source('c.ts', "import { type a } from './a.js';\nimport type { b } from './b.js';\nexport type C = a;\n");
      expect(importCycles([a, b, c])).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
