import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compileIn, installPackage, serverAddress } from './packedPackage.js';
import { reachedFrom } from './reachedFrom.js';
import { freshCluster } from './support/index.js';

// Tests what a user gets: the packed package, installed into an empty folder, and the README's example in it.

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);
const { configPath } = freshCluster('package');
const folder = mkdtempSync(join(tmpdir(), 'roost-package-'));
/** Where no package is found. */
const bundles = mkdtempSync(join(tmpdir(), 'roost-bundles-'));
const installed = join(folder, 'node_modules', 'roostdb');
let tarball: Buffer;
const roost = (...args: string[]) => run('npx', ['--no-install', 'roost', ...args], { cwd: folder });

beforeAll(async () => {
  tarball = await installPackage(folder);
}, 180_000);

afterAll(() => {
  for (const each of [folder, bundles]) rmSync(each, { recursive: true, force: true });
});

it('runs the command `roost` after an install', async () => {
  const { stdout } = await roost('--help');
  expect(stdout).toContain('Usage: roost');
});

it('holds the files that a user needs, and no tests or benchmarks', async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  const paths = files.map(({ path }) => path);
  const wanted = ['LICENSE', 'README.md', 'CHANGELOG.md', 'dist/cli/main.js'];
  expect(wanted.filter((path) => !paths.includes(path))).toEqual([]);
  expect(paths.filter((path) => /(^|\/)(test|bench|node_modules|\.[^/]*)\/|\.test\.|\.tgz$/.test(path))).toEqual([]);
}, 120_000);

it('passes publint', async () => {
  expect((await publint({ pkgDir: installed, pack: false, strict: true })).messages).toEqual([]);
});

it('has types that resolve for every importer of ES modules', async () => {
  const result = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)));
  // Importers older than Node 16, and `require`, which the types of ES modules tell to use `import`.
  const older = new Set<unknown>(['node10', 'node16-cjs']);
  const problems = 'problems' in result ? result.problems : [{ kind: 'NoTypes' }];
  const resolutionOf = (problem: object) =>
    Object.entries(problem).find(([key]) => key.startsWith('resolution'))?.[1] as unknown;
  expect(problems.filter((problem) => !older.has(resolutionOf(problem)))).toEqual([]);
}, 120_000);

it.each(['index.js', 'index.d.ts'])('has a client that loads no more than it uses: %s', (entry) => {
  const { files, packages } = reachedFrom(join(installed, 'dist/sdk', entry));
  expect(files.filter((file) => !/dist\/(sdk|wire|core)\//.test(file))).toEqual([]);
  expect(packages.filter((name) => !name.startsWith('node:') && name !== 'dataloader')).toEqual([]);
});

it('holds what its documents link to, and the sources of its source maps', () => {
  const files = readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter(
    (path) => !path.startsWith('node_modules'),
  );
  const missing = (file: string, targets: readonly string[]): string[] =>
    targets
      .filter((target) => !existsSync(join(installed, dirname(file), target)))
      .map((target) => `${file}: ${target}`);

  const documents = files.filter((file) => file.endsWith('.md'));
  expect(documents).toEqual(expect.arrayContaining(['README.md', 'ARCHITECTURE.md', join('docs', 'graph.md')]));
  const linksOf = (file: string): string[] =>
    Array.from(
      readFileSync(join(installed, file), 'utf8').matchAll(/\]\((?![a-z]+:|#)([^)\s#]+)[^)]*\)/g),
      ([, target]) => target!,
    );
  expect(linksOf('README.md').length).toBeGreaterThan(5);
  expect(documents.flatMap((file) => missing(file, linksOf(file)))).toEqual([]);

  const maps = files.filter((file) => file.endsWith('.map'));
  expect(maps.length).toBeGreaterThan(100);
  expect(
    maps.flatMap((file) =>
      missing(file, (JSON.parse(readFileSync(join(installed, file), 'utf8')) as { sources: string[] }).sources),
    ),
  ).toEqual([]);
});

it('imports by each of its names, with types', async () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, unknown>;
  };
  const names = Object.keys(exports)
    .filter((path) => !path.endsWith('.json'))
    .map((path) => `roostdb/${path.slice('./'.length)}`);
  const imports = names.map(
    (name, index) => `import * as part${index} from '${name}';\nconsole.log(Object.keys(part${index}).length > 0);\n`,
  );
  expect(await runTypeScript('parts', imports.join(''))).toBe('true\n'.repeat(names.length));
}, 120_000);

it("runs the README's example against a server of its own, also when it was bundled", async () => {
  await roost('graph', 'create', 'follows', '--config', configPath);
  const server = spawn(join(folder, 'node_modules', '.bin', 'roost'), ['serve', '--config', configPath, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const address = await serverAddress(server, 'flock');
    const printed = await runTypeScript('example', readmeExample().replaceAll('127.0.0.1:7915', address));
    expect(printed).not.toBe('');
    for (const bundle of [await bundledByEsbuild('example.js'), await bundledByRollup('example.js')]) {
      expect((await run(process.execPath, [bundle], { cwd: dirname(bundle) })).stdout).toBe(printed);
      // The bundle holds the client alone, without the databases' drivers and the like.
      expect(readFileSync(bundle).length).toBeLessThan(1_000_000);
    }
  } finally {
    server.kill('SIGTERM');
    if (server.exitCode === null) await once(server, 'exit');
  }
  expect(server.exitCode).toBe(0);
}, 120_000);

/** Bundles a program of the folder with all its imports, and returns the bundle. */
async function bundledByEsbuild(program: string): Promise<string> {
  const file = join(bundles, 'esbuild.mjs');
  await run(join(root, 'node_modules/esbuild/bin/esbuild'), [
    join(folder, program),
    '--bundle',
    '--platform=node',
    '--format=esm',
    `--outfile=${file}`,
  ]);
  return file;
}

async function bundledByRollup(program: string): Promise<string> {
  const file = join(bundles, 'rollup.mjs');
  const plugins = ['node-resolve={preferBuiltins: true}', 'commonjs', 'json'].flatMap((plugin) => ['--plugin', plugin]);
  const rollup = join(root, 'node_modules/rollup/dist/bin/rollup');
  await run(
    process.execPath,
    [rollup, join(folder, program), '--format', 'es', '--file', file, '--silent', ...plugins],
    { cwd: root },
  );
  return file;
}

/** The first block of TypeScript in the README. */
function readmeExample(): string {
  const example = /^```ts\n(.*?)^```$/ms.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1];
  expect(example).toContain("from 'roostdb/sdk'");
  expect(example).toContain('127.0.0.1:7915');
  return example!;
}

/** Compiles a program in the folder, and returns what it prints. */
async function runTypeScript(name: string, program: string): Promise<string> {
  writeFileSync(join(folder, `${name}.ts`), program);
  await compileIn(folder, ['--module', 'nodenext', `${name}.ts`]);
  return (await run(process.execPath, [`${name}.js`], { cwd: folder })).stdout;
}
