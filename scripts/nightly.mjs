// Runs the fault suite for hours, with a seed of its own for each run, and the fuzzer of every port after it. Keeps, in a folder:
//   tally.tsv          when, commit, seed, rounds, rounds that went wrong
//   SEED.log           all that a run printed
//   SEED.failed.txt    of each round that went wrong, the shortest history that did
// Ends with 1 where anything went wrong. docs/contributing.md has an example for cron.
import { execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/** A run begins with fresh clusters, and its log stays readable. */
const runMinutes = 60;
const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '8' },
    dir: { type: 'string', default: '.roost/nightly' },
    /** The release that servers are rolled back to, as a commit; absent: the newest tag, else the commit of a day ago. */
    earlier: { type: 'string' },
    /** Frames for each port at the end. */
    frames: { type: 'string', default: '1000000' },
  },
});
const hours = Number(values.hours);
if (!(hours > 0)) throw new Error(`--hours is a positive number, not ${values.hours}`);
const dir = resolve(root, values.dir);
mkdirSync(dir, { recursive: true });

const git = (...args) =>
  execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
const commit = git('rev-parse', '--short', 'HEAD');
const endMs = Date.now() + hours * 3_600_000;
const earlier = makeEarlier();
let failed = 0;
try {
  while (Date.now() < endMs) {
    const seed = Math.floor(Date.now() / 1_000) % 1_000_000_000;
    const minutes = Math.min(runMinutes, (endMs - Date.now()) / 60_000);
    const printed = await run(`${seed}.log`, ['torture', '--seed', String(seed), '--minutes', minutes.toFixed(1)], {
      ROOST_TEST_KEEP: join(dir, `${seed}.failed.txt`),
      ...(earlier === undefined ? {} : { ROOST_TEST_EARLIER: earlier.main }),
    });
    const [, rounds, wrong] = /^(\d+) rounds, (\d+) of them wrong/m.exec(printed) ?? ['', '0', 'broke off'];
    tally(seed, rounds, wrong);
    if (wrong !== '0') failed++;
    // One that ends at once is no night: something that all runs need is missing.
    if (wrong === 'broke off') break;
  }
  const printed = await run('fuzz.log', ['test:long', 'test/fuzz'], { ROOST_TEST_FRAMES: values.frames });
  const whole = /Tests .*\d+ passed/.test(printed) && !/Tests .*failed/.test(printed);
  tally('fuzz', values.frames, whole ? '0' : 'failed');
  if (!whole) failed++;
} finally {
  if (earlier !== undefined) {
    git('worktree', 'remove', '--force', earlier.folder);
    rmSync(dirname(earlier.folder), { recursive: true, force: true });
  }
}
console.log(failed === 0 ? `whole: ${dir}` : `something went wrong: ${dir} has ${readdirSync(dir).join(', ')}`);
process.exitCode = failed === 0 ? 0 : 1;

function tally(seed, rounds, wrong) {
  const line = [new Date().toISOString(), commit, seed, rounds, wrong].join('\t');
  appendFileSync(join(dir, 'tally.tsv'), `${line}\n`);
  console.log(line);
}

/** Runs a step of `scripts/run.mjs`, and returns what it printed, which the file has as well. */
function run(file, args, env) {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [join(root, 'scripts/run.mjs'), ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = createWriteStream(join(dir, file));
    let printed = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes) => {
        log.write(bytes);
        printed += bytes;
      });
    child.on('error', fail);
    child.on('close', () => {
      log.end();
      done(printed);
    });
  });
}

/** The command line of the release of before, built in a folder of its own; undefined where there is none in this checkout. */
function makeEarlier() {
  const known = (...args) => {
    try {
      return git(...args) || undefined;
    } catch {
      return undefined;
    }
  };
  const ref =
    values.earlier ??
    known('describe', '--tags', '--abbrev=0') ??
    known('rev-list', '-1', '--before=1.day.ago', 'HEAD');
  if (ref === undefined) return undefined;
  const folder = join(mkdtempSync(join(tmpdir(), 'roost-earlier-')), 'checkout');
  git('worktree', 'add', '--detach', folder, ref);
  // Where its dependencies are others, it installs them itself.
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  execFileSync(process.execPath, [join(folder, 'scripts/run.mjs'), 'build'], { cwd: folder, stdio: 'inherit' });
  const main = join(folder, 'dist/cli/main.js');
  if (!existsSync(main)) throw new Error(`${ref} has no ${main} after its build`);
  console.log(`servers are rolled back to ${ref}`);
  return { folder, main };
}
