import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import { Command } from 'commander';
import { access } from './access.js';
import { acknowledge } from './acknowledge.js';
import { type Benchmark, type Figure, verdictOf } from './benchmark.js';
import { withCluster } from './cluster.js';
import { backup } from './backup.js';
import { cacheGets } from './cacheGets.js';
import { celebrity } from './celebrity.js';
import { clientImport } from './clientImport.js';
import { contains } from './contains.js';
import { copy } from './copy.js';
import { fanout } from './fanout.js';
import { homeTimeline } from './homeTimeline.js';
import { pushPull } from './pushPull.js';
import { hostile } from './hostile.js';
import { hydrate } from './hydrate.js';
import { intersection } from './intersection.js';
import { iterate } from './iterate.js';
import { jobsPeer } from './jobsPeer.js';
import { load } from './load.js';
import { overload } from './overload.js';
import { type BenchmarkResult, pageOf, type RunResult } from './page.js';
import { pairs } from './pairs.js';
import { routing } from './routing.js';
import { quick, seed } from './settings.js';
import { shownFigure, shownRange, shownTarget } from './shown.js';
import { stampede } from './stampede.js';
import { throttle } from './throttle.js';
import { traces } from './traces.js';
import { tweetLoad } from './tweetLoad.js';
import { tweetReads } from './tweetReads.js';
import { tweetTimeline } from './tweetTimeline.js';
import { tweetWindows } from './tweetWindows.js';
import { workload } from './workload.js';

const benchmarks: readonly Benchmark[] = [
  clientImport,
  load,
  acknowledge,
  jobsPeer,
  contains,
  access,
  iterate,
  copy,
  throttle,
  routing,
  pairs,
  intersection,
  celebrity,
  workload,
  cacheGets,
  stampede,
  traces,
  backup,
  hydrate,
  tweetLoad,
  tweetReads,
  tweetTimeline,
  tweetWindows,
  fanout,
  homeTimeline,
  pushPull,
  hostile,
  overload,
];
const folder = join(dirname(fileURLToPath(import.meta.url)), '../..');
const defaultOut = join(folder, 'bench/results/latest.json');
const page = join(folder, 'docs/performance.md');

const program = new Command('bench')
  .description('Measures Roost beside its floor and its peers, in one run, and prints the figures.')
  .argument('[names...]', `which to run; all where none is named: ${benchmarks.map(({ name }) => name).join(', ')}`)
  // bench/settings.ts reads these two.
  .option('--quick', 'a tenth of the sizes')
  .option('--seed <number>', 'what generated data follows', '1')
  .option('--page', 'write docs/performance.md from this run')
  .option('--page-from <file>', 'write docs/performance.md from the figures of a run before, and run nothing')
  .option('--out <file>', 'where to write the figures as JSON', defaultOut)
  .parse();

const names = program.args;
const unknown = names.find((name) => !benchmarks.some((benchmark) => benchmark.name === name));
if (unknown !== undefined)
  program.error(`there is no benchmark ${unknown}; there are ${benchmarks.map(({ name }) => name).join(', ')}`);
const options = program.opts<{ out: string; page?: true; pageFrom?: string }>();
if (!Number.isSafeInteger(seed) || seed < 1) program.error('--seed takes an integer from 1 on');

if (options.pageFrom === undefined) await run();
else writeFileSync(page, pageOf(JSON.parse(readFileSync(options.pageFrom, 'utf8')) as RunResult));

async function run(): Promise<void> {
  const startMs = performance.now();
  const results: BenchmarkResult[] = [];
  for (const benchmark of benchmarks.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const { name, about, meaning } = benchmark;
    const figures =
      benchmark.needsCluster === false
        ? await benchmark.run()
        : await withCluster(benchmark, (cluster) => benchmark.run(cluster));
    results.push({ name, about, meaning, figures });
    print(name, about, figures);
  }
  const result: RunResult = {
    measuredAt: new Date().toISOString(),
    node: process.version,
    machine: machine(),
    quick,
    seed,
    seconds: (performance.now() - startMs) / 1_000,
    results,
  };
  mkdirSync(dirname(options.out), { recursive: true });
  writeFileSync(options.out, `${JSON.stringify(result, undefined, 2)}\n`);
  if (options.page === true) writeFileSync(page, pageOf(result));
  process.stdout.write(`all of it took ${Math.round(result.seconds)} s\n`);
}

function machine(): string {
  const model = cpus()[0]?.model.trim() ?? 'an unknown processor';
  return `${cpus().length} cores of ${model}, ${Math.round(totalmem() / 2 ** 30)} GB, ${platform()} ${arch()}`;
}

function print(name: string, about: string, figures: readonly Figure[]): void {
  const table = new Table({
    head: [name, '', 'rounds', 'target', ''],
    colAligns: ['left', 'right', 'right', 'right', 'left'],
    style: { head: [] },
  });
  for (const figure of figures)
    table.push([figure.name, shownFigure(figure), shownRange(figure), shownTarget(figure), verdictOf(figure) ?? '']);
  process.stdout.write(`${about}\n${table.toString()}\n`);
}
