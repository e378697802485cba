import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

// Everything else runs on the oldest supported Node. This file runs on the newest line with long-term support: even,
// and at least 6 months old.

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'roost-node-'));
const maxBuffer = 64 * 1024 * 1024;
let node: string;

beforeAll(async () => {
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const { stdout } = await run('npm', ['view', 'node', 'time', '--json'], { cwd: folder, maxBuffer });
  const version = newestLongTerm(JSON.parse(stdout) as Record<string, string>);
  await run('npm', ['install', '--no-audit', '--no-fund', '--foreground-scripts', `node@${version}`], { cwd: folder });
  node = join(folder, 'node_modules', 'node', 'bin', 'node');
  expect((await run(node, ['--version'])).stdout.trim()).toBe(`v${version}`);
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('passes the unit tests under the newest Node', async () => {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const { stdout } = await run(node, [vitest, 'run', '--project', 'unit'], {
    cwd: root,
    maxBuffer,
    env: environment(),
  });
  expect(stdout).toMatch(/Tests +\d+ passed/);
}, 600_000);

it('runs the quickstart under the newest Node', async () => {
  const { stdout } = await run(node, [join(root, 'dist/cli/main.js'), 'quickstart', '--json', '--dir', 'cluster'], {
    cwd: folder,
    maxBuffer,
    env: environment(),
  });
  expect(JSON.parse(stdout)).toMatchObject({ comparison: { mismatchCount: 0 } });
}, 300_000);

/**
 * Processes that the newest Node starts must use the same Node; a vitest that runs inside a vitest needs its own
 * environment.
 */
function environment(): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !/^(VITEST|ROOST_LONG|NODE_OPTIONS)/.test(name));
  return { ...Object.fromEntries(others), NO_COLOR: '1', PATH: `${dirname(node)}:${process.env['PATH'] ?? ''}` };
}

/** Even majors get long-term support half a year after their first release. */
function newestLongTerm(times: Record<string, string>): string {
  const halfYearMs = 183 * 86_400_000;
  const released = (version: string): number => Date.parse(times[version] ?? '');
  const versions = Object.keys(times).filter((version) => /^\d+\.\d+\.\d+$/.test(version));
  const majors = [...new Set(versions.map((version) => Number(version.split('.')[0])))].filter(
    (major) => major % 2 === 0 && Date.now() - released(`${major}.0.0`) > halfYearMs,
  );
  const major = Math.max(...majors);
  const minors = versions.filter((version) => version.startsWith(`${major}.`));
  return minors.reduce((newest, version) => (released(version) > released(newest) ? version : newest));
}
