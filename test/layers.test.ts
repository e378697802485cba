import { ESLint } from 'eslint';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const eslint = new ESLint({
  cwd: root,
  // The files below do not exist, so that there are no types to check.
  overrideConfig: { languageOptions: { parserOptions: { projectService: false, project: null } } },
  ruleFilter: ({ ruleId }) => ruleId.startsWith('import-x/') || ruleId === 'no-restricted-imports',
});

/** The rules that an import breaks when it stands in a new file of a folder. */
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

  it('refuses a circle within a folder', async () => {
    // deadline.ts imports errors.ts already.
    expect(await broken('core', './deadline.js', 'errors.ts')).toEqual(['import-x/no-cycle']);
  });
});
