import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

// Checks what lint cannot see. Lint checks default exports, layers and cycles.

const root = join(import.meta.dirname, '..');
const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\0')
  .filter((file) => file !== '' && existsSync(join(root, file)));
const sources = files.filter((file) => /\.tsx?$/.test(file) && !file.startsWith('wire/gen/'));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

it('finds the files of the project', () => {
  expect(sources).toContain('core/index.ts');
});

it('keeps files under 500 lines, or says at the top why not', () => {
  const reason = /^(\/\/|\/\*\*?) Over 500 lines: \S/;
  const tooLong = sources.filter((file) => read(file).split('\n').length > 500 && !reason.test(read(file)));
  expect(tooLong, 'split the file, or start it with the comment "// Over 500 lines: <the reason>"').toEqual([]);
});

it('gives every layer an index.ts that names its exports', () => {
  // Command lines, tests and benchmarks are not imported.
  const without = new Set(['cli', 'test', 'bench', 'docs', 'examples', 'scripts']);
  const layers = new Set(sources.filter((file) => file.includes('/')).map((file) => file.slice(0, file.indexOf('/'))));
  const lacking = [...layers].filter((layer) => !without.has(layer) && !sources.includes(`${layer}/index.ts`));
  expect(lacking).toEqual([]);
});

it('gives every exported type a name of its own', () => {
  const declared = new Map<string, string[]>();
  for (const file of sources.filter((file) => !/^(?:test|bench)\/|\.test\.ts$/.test(file)))
    for (const [, name] of read(file).matchAll(/^export (?:abstract )?(?:interface|type|class|enum) (\w+)/gm))
      declared.set(name!, [...(declared.get(name!) ?? []), file]);
  expect(declared.size).toBeGreaterThan(300);
  const shared = [...declared].filter(([, files]) => files.length > 1);
  expect(shared.map(([name, files]) => `${name}: ${files.join(', ')}`)).toEqual([]);
});

it.each([
  ['paths of one machine', /(^|[\s'"`(=:])\/(work|root|home\/(?!node\b)\w+)\/\w/m],
  ['hosts of a package registry', /:\/\/[\w.-]*(registry|artifactory|jfrog)/],
])('contains no %s', (_what, pattern) => {
  expect(files.filter((file) => pattern.test(read(file)))).toEqual([]);
});

/** Files that name what the release before spelled in the British way. */
const ofTheReleaseBefore = new Set([
  'CHANGELOG.md',
  'docs/errors.md',
  'sdk/callOptions.test.ts',
  'sdk/writeCallOptions.ts',
  'test/rollingUpgrade.long.test.ts',
  'test/style.test.ts',
]);

it('spells the US way', () => {
  // The word "colour" alone is the name of a column that stays as it is.
  const british =
    /\b\w*(?:behaviour|neighbour|favour|journalled|labelled|acknowledgement|normalis|serialis|initialis|optimis|recognis|synchronis)\w*/gi;
  const found = files
    .filter((file) => /\.(?:ts|md|lua|thrift|mjs)$/.test(file) && !ofTheReleaseBefore.has(file))
    .flatMap((file) => (read(file).match(british) ?? []).map((word) => `${file}: ${word}`));
  expect(found).toEqual([]);
});

it('locks the optional packages of every platform, without which a clean install fails', () => {
  const lock = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>;
  };
  const locked = new Set(
    Object.keys(lock.packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)),
  );
  const wanted = Object.values(lock.packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
  expect(wanted.filter((name) => !locked.has(name))).toEqual([]);
});
