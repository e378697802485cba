// The entry of every `npm run …` command. It needs nothing but Node, so that each command works on a fresh clone:
// it installs what is missing, builds what is stale, and then runs the step itself.
import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleDashboard } from './bundleDashboard.mjs';

/** A command ended with a failure, which it has reported itself. */
class StepFailed extends Error {
  constructor(exitCode) {
    super();
    this.exitCode = exitCode;
  }
}

// TypeScript 7 compiles in a fraction of the time; ESLint and the tests use the interface that 6 has.
const compiler = 'typescript-native/bin/tsc';
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [step, ...args] = process.argv.slice(2);

const steps = {
  quickstart: async () => {
    await build();
    // A file's path is meant from where the user stands, which npm leaves for the top folder.
    await node([join(root, 'dist/cli/main.js'), 'quickstart', ...args], { cwd: process.env.INIT_CWD ?? process.cwd() });
  },
  build,
  lint: () => lint(args),
  test: async () => {
    await types();
    await build();
    // Tests wait for servers much of the time, which leaves room for the lint.
    await both(lint([]), vitest(args));
  },
  'test:unit': () => vitest(['--project', 'unit', ...args]),
  'test:long': async () => {
    await build();
    await vitest(['--project', 'long', ...args], { ROOST_LONG: '1' });
  },
  torture: async () => {
    const variables = tortureVariables(args);
    await build();
    await vitest(['--project', 'long', 'test/torture.long.test.ts'], { ROOST_LONG: '1', ...variables });
  },
  site: async () => {
    const site = join(root, 'site');
    if (!existsSync(join(site, 'node_modules', '.package-lock.json'))) await npmCi(site);
    await node([join(site, 'build.mjs')], { cwd: site });
    say('the site is in site/dist');
  },
  bench: async () => {
    await build();
    await node(['dist/bench/main.js', ...args]);
  },
};

checkNode();
if (!Object.keys(steps).includes(step))
  fail(`usage: node scripts/run.mjs ${Object.keys(steps).join('|')} [arguments]`, 2);
try {
  await install();
  await steps[step]();
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  process.exitCode = error.exitCode;
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(
    `Roost needs Node 20.19 or newer; this is Node ${process.versions.node}. Install a newer Node and run the command again.`,
  );
}

async function install() {
  if (installed()) return;
  say('installing the npm dependencies');
  await npmCi(root);
}

async function npmCi(cwd) {
  const npm = process.env.npm_execpath;
  const ci = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  await (npm?.endsWith('.js')
    ? run(process.execPath, [npm, ...ci], { toStderr: true, cwd })
    : run('npm', ci, { toStderr: true, cwd }));
}

/**
 * Whether node_modules holds what package-lock.json asks for. npm writes its own lockfile into node_modules as the last act
 * of an install, so an interrupted install counts as none. Times of files are no guide: a checkout changes them at will.
 */
function installed() {
  const present = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(present)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const have = JSON.parse(readFileSync(present, 'utf8')).packages;
  return Object.entries(wanted).every(([path, { version, optional, devOptional }]) => {
    if (path === '') return true;
    return have[path] === undefined ? Boolean(optional ?? devOptional) : have[path].version === version;
  });
}

async function types() {
  say('checking types');
  await tool(compiler, ['-p', 'tsconfig.json']);
  await tool(compiler, ['-p', 'dashboard/client']);
}

async function lint(more) {
  const fix = more.includes('--fix');
  const where = more.some((argument) => !argument.startsWith('-')) ? more : [...more, '.'];
  const files = where.filter((argument) => !argument.startsWith('-'));
  const format = () =>
    tool('prettier/bin/prettier.cjs', [fix ? '--write' : '--check', '--log-level', 'warn', ...files]);
  const rules = () => tool('eslint/bin/eslint.js', ['--max-warnings', '0', ...where]);
  say('checking the format, and linting with the check of layers');
  // Both write the same files where they fix them.
  if (fix) {
    await format();
    await rules();
  } else await both(format(), rules());
}

/** Waits for both, and fails as the first that failed. */
async function both(...steps) {
  for (const result of await Promise.allSettled(steps)) if (result.status === 'rejected') throw result.reason;
}

async function vitest(more, env = {}) {
  await tool('vitest/vitest.mjs', ['run', ...more], { env });
}

/** What the fault suite is told: for how long or how many rounds, from which seed on; a seed of this moment where none is given. */
function tortureVariables(given) {
  const known = ['minutes', 'seed', 'rounds', 'faults'];
  const variables = { ROOST_TEST_SEED: String(Math.floor(Date.now() / 1_000) % 1_000_000_000) };
  for (let i = 0; i < given.length; i += 2) {
    const name = known.find((one) => given[i] === `--${one}`);
    const value = given[i + 1];
    if (name === undefined || value === undefined || (name !== 'faults' && !(Number(value) >= 0)))
      fail(
        `usage: npm run torture -- [--minutes N] [--rounds N] [--seed N] [--faults NAME,NAME], not ${given.join(' ')}`,
        2,
      );
    variables[`ROOST_TEST_${name.toUpperCase()}`] = value;
  }
  return variables;
}

/** Compiles beside dist and swaps, so that a failing build leaves the old one whole and a deleted source leaves nothing behind. */
async function build() {
  const dist = join(root, 'dist');
  const stamp = join(dist, '.built');
  const startedMs = Date.now();
  if (existsSync(stamp) && newestSourceMs(root) <= Number(readFileSync(stamp, 'utf8')))
    return say('dist is up to date');
  say('building');
  const fresh = join(root, `dist-${process.pid}`);
  try {
    await tool(compiler, ['-p', 'tsconfig.build.json', '--outDir', fresh], { toStderr: true });
    for (const folder of ['gen', 'idl', 'thrift']) {
      const from = join(root, 'wire', folder);
      if (existsSync(from)) cpSync(from, join(fresh, 'wire', folder), { recursive: true });
    }
    copyScripts(root, fresh);
    await bundleDashboard(root, join(fresh, 'dashboard', 'assets'));
    const main = join(fresh, 'cli', 'main.js');
    if (existsSync(main)) chmodSync(main, 0o755);
    writeFileSync(join(fresh, '.built'), String(startedMs));
    const old = `${fresh}-old`;
    if (existsSync(dist)) renameSync(dist, old);
    renameSync(fresh, dist);
    rmSync(old, { recursive: true, force: true });
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Copies the scripts of Redis, which stand beside the code that runs them. */
function copyScripts(from, to) {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const path = join(from, entry.name);
    if (entry.isFile() && entry.name.endsWith('.lua')) cpSync(path, join(to, entry.name));
    else if (entry.isDirectory() && (from !== root || isSource(entry.name))) copyScripts(path, join(to, entry.name));
  }
}

/** Whether a folder at the top is one that a build reads. */
function isSource(name) {
  return !/^(\.|dist)/.test(name) && !['node_modules', 'test', 'docs', 'scripts'].includes(name);
}

/** The time of the newest file or folder that a build reads; a folder's time changes when a file is added or deleted. */
function newestSourceMs(folder) {
  const top = folder === root;
  let newest = top ? 0 : statSync(folder).mtimeMs;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (top && !isSource(entry.name)) continue;
      newest = Math.max(newest, newestSourceMs(path));
    } else if (top ? /^(tsconfig.*|package-lock)\.json$/.test(entry.name) : !entry.name.endsWith('.test.ts')) {
      newest = Math.max(newest, statSync(path).mtimeMs);
    }
  }
  return newest;
}

function tool(bin, toolArgs, options) {
  return node([join('node_modules', bin), ...toolArgs], options);
}

function node(nodeArgs, options) {
  return run(process.execPath, nodeArgs, options);
}

/** Runs a command to its end, its output visible. Throws StepFailed with its exit code where it fails. */
function run(command, commandArgs, { toStderr = false, env = {}, cwd = root } = {}) {
  const child = spawn(command, commandArgs, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['inherit', toStderr ? 2 : 'inherit', 'inherit'],
  });
  // A terminal's Ctrl-C reaches the child by itself; a second one would make it give up its clean end.
  const forward = (signal) => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new Error(`cannot run ${command}: ${error.message}`, { cause: error })));
    child.on('exit', (code, signal) => {
      for (const each of signals) process.off(each, forward);
      if (code === 0) resolve();
      else reject(new StepFailed(code ?? 128 + constants.signals[signal]));
    });
  });
}

function say(what) {
  process.stderr.write(`· ${what}\n`);
}

function fail(message, code = 1) {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}
