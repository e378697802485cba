import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { readPlayground, startPlayground, stopPlayground } from './index.js';

// What needs a starter in a process of its own: one that is killed, one that ends, two at once, one of another user.

const root = join(import.meta.dirname, '..');
const nobody = 65534;
// Each test starts servers several times, on a machine that other tests share.
vi.setConfig({ testTimeout: 120_000 });

let parent: string;
let dir: string;
let dirCount = 0;

beforeAll(() => {
  parent = mkdtempSync(join(tmpdir(), 'roost-starter-'));
  // Others than its owner run it too.
  chmodSync(parent, 0o755);
  for (const folder of ['core', 'process', 'playground']) {
    mkdirSync(join(parent, folder));
    const sources = readdirSync(join(root, folder)).filter(
      (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
    );
    for (const name of sources) {
      const { outputText } = transpileModule(readFileSync(join(root, folder, name), 'utf8'), {
        compilerOptions: { module: ModuleKind.ESNext, target: ScriptTarget.ES2023, verbatimModuleSyntax: true },
        fileName: join(root, folder, name),
      });
      writeFileSync(join(parent, folder, name.replace(/\.ts$/, '.js')), outputText);
    }
  }
  symlinkSync(join(root, 'node_modules'), join(parent, 'node_modules'));
  writeFileSync(join(parent, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(parent, 'run.js'),
    `import * as playground from './playground/index.js';
     const [action, dir] = process.argv.slice(2);
     const result = action === 'start' ? await playground.startPlayground({ dir, databaseHosts: 2, caches: 1 }) : await playground.stopPlayground(dir);
     console.log(result?.serverVersion ?? 'stopped');`,
  );
});

beforeEach(() => {
  dir = join(parent, `p${++dirCount}`);
});

afterAll(() => rmSync(parent, { recursive: true, force: true }));

const run = (...args: string[]): ChildProcess =>
  spawn(process.execPath, [join(parent, 'run.js'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });

async function finish(child: ChildProcess): Promise<{ code: number | null; output: string }> {
  let output = '';
  child.stdout?.on('data', (data) => (output += String(data)));
  child.stderr?.on('data', (data) => (output += String(data)));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}

/** Every process that works below a folder. */
const processesIn = (folder: string): string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
    } catch {
      return false;
    }
  });

it('servers outlive a starter that ends, and another process stops them', async () => {
  const { code, output } = await finish(run('start', dir));
  expect(output).toMatch(/^(MariaDB|MySQL) /);
  expect(code).toBe(0);
  const { servers } = await readPlayground(dir);
  expect(servers.map(({ alive }) => alive)).toEqual([true, true, true, true]);
  expect(await finish(run('stop', dir))).toEqual({ code: 0, output: 'stopped\n' });
  expect(processesIn(dir)).toEqual([]);
  expect(existsSync(dir)).toBe(false);
});

/** What there is at one moment of a start. */
const moments = {
  'once it has its lock': () => existsSync(dir) && readdirSync(dir).length > 0,
  'while the data are made': () => existsSync(join(dir, 'template')),
  'while the data are copied': () => existsSync(join(dir, 'db1', 'data.tmp')),
  'while a database starts': () => existsSync(join(dir, 'db1', 'pid')),
};

it.each([
  ['once it has its lock', 'stop'],
  ['while the data are made', 'start'],
  ['while the data are made', 'stop'],
  ['while the data are copied', 'start'],
  ['while a database starts', 'stop'],
] as const)('after a starter that was killed %s, a %s cleans up', async (moment, cleaner) => {
  const child = run('start', dir);
  const ended = finish(child);
  while (child.exitCode === null && !moments[moment]()) await sleep(1);
  child.kill('SIGKILL');
  expect((await ended).code).toBe(null);
  if (cleaner === 'start') {
    const again = await startPlayground({ dir, databaseHosts: 2, caches: 1 });
    expect((await readPlayground(dir)).servers.every(({ alive }) => alive)).toBe(true);
    await again.stop();
  } else await stopPlayground(dir);
  expect(processesIn(dir)).toEqual([]);
  expect(existsSync(dir)).toBe(false);
});

it('of two that start in one folder at once, one does and the other is told so', async () => {
  const results = await Promise.all([finish(run('start', dir)), finish(run('start', dir))]);
  expect(results.map(({ code }) => code).sort()).toEqual([0, 1]);
  expect(results.find(({ code }) => code === 1)?.output).toContain('a playground already runs in');
  await stopPlayground(dir);
  expect(processesIn(dir)).toEqual([]);
});

const asNobody = ['--reuid', String(nobody), '--regid', String(nobody), '--clear-groups', process.execPath];
const isRoot = process.getuid?.() === 0;
const canBeNobody =
  isRoot &&
  spawnSync('setpriv', [...asNobody, '-e', `require('fs').readdirSync(${JSON.stringify(join(root, 'node_modules'))})`])
    .status === 0;

it('runs as an ordinary user', async ({ skip }) => {
  skip(!isRoot, 'these tests run as an ordinary user already');
  skip(!canBeNobody, 'needs setpriv, and a checkout that every user can read');
  const home = join(parent, 'nobody');
  mkdirSync(home, { mode: 0o777 });
  chmodSync(home, 0o777);
  dir = join(home, 'p');
  const act = (action: string): ChildProcess =>
    spawn('setpriv', [...asNobody, join(parent, 'run.js'), action, dir], {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: home,
    });
  const started = await finish(act('start'));
  expect(started.output).toMatch(/^(MariaDB|MySQL) /);
  const { servers } = await readPlayground(dir);
  const owners = servers.map(({ pid }) => /Uid:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  expect(owners).toEqual(servers.map(() => String(nobody)));
  expect(await finish(act('stop'))).toEqual({ code: 0, output: 'stopped\n' });
  expect(existsSync(dir)).toBe(false);
});
