import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import { Command } from 'commander';
import { access } from './access.js';
import { acknowledge } from './acknowledge.js';
import { reached, type Benchmark, type Figure } from './benchmark.js';
import { withCluster } from './cluster.js';
import { backup } from './backup.js';
import { cacheGets } from './cacheGets.js';
import { celebrity } from './celebrity.js';
import { clientImport } from './clientImport.js';
import { contains } from './contains.js';
import { copy } from './copy.js';
import { fanout } from './fanout.js';
import { homeTimeline } from './homeTimeline.js';
import { hostile } from './hostile.js';
import { hydrate } from './hydrate.js';
import { intersection } from './intersection.js';
import { iterate } from './iterate.js';
import { load } from './load.js';
import { overload } from './overload.js';
import { pairs } from './pairs.js';
import { routing } from './routing.js';
import { throttle } from './throttle.js';
import { tweetLoad } from './tweetLoad.js';
import { tweetReads } from './tweetReads.js';
import { tweetTimeline } from './tweetTimeline.js';
import { tweetWindows } from './tweetWindows.js';
import { workload } from './workload.js';

const benchmarks: readonly Benchmark[] = [
  clientImport,
  load,
  acknowledge,
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
  backup,
  hydrate,
  tweetLoad,
  tweetReads,
  tweetTimeline,
  tweetWindows,
  fanout,
  homeTimeline,
  hostile,
  overload,
];
const defaultOut = join(dirname(fileURLToPath(import.meta.url)), '../../bench/results/latest.json');

const program = new Command('bench')
  .description('Measures Roost beside its floor and its peers, in one run, and prints the figures.')
  .argument('[names...]', `which to run; all where none is named: ${benchmarks.map(({ name }) => name).join(', ')}`)
  .option('--out <file>', 'where to write the figures as JSON', defaultOut)
  .parse();

const names = program.args;
const unknown = names.find((name) => !benchmarks.some((benchmark) => benchmark.name === name));
if (unknown !== undefined)
  program.error(`there is no benchmark ${unknown}; there are ${benchmarks.map(({ name }) => name).join(', ')}`);
const { out } = program.opts<{ out: string }>();

const results: { name: string; about: string; figures: readonly Figure[] }[] = [];
for (const benchmark of benchmarks.filter(({ name }) => names.length === 0 || names.includes(name))) {
  const { name, about } = benchmark;
  const figures =
    benchmark.needsCluster === false
      ? await benchmark.run()
      : await withCluster(benchmark, (cluster) => benchmark.run(cluster));
  results.push({ name, about, figures });
  print(name, about, figures);
}
mkdirSync(dirname(out), { recursive: true });
writeFileSync(
  out,
  `${JSON.stringify({ measuredAt: new Date().toISOString(), node: process.version, results }, undefined, 2)}\n`,
);

function print(name: string, about: string, figures: readonly Figure[]): void {
  const table = new Table({
    head: [name, '', 'target', ''],
    colAligns: ['left', 'right', 'right', 'left'],
    style: { head: [] },
  });
  for (const figure of figures) {
    const { target } = figure;
    const wanted = target === undefined ? '' : 'atLeast' in target ? `≥ ${target.atLeast}` : `≤ ${target.atMost}`;
    const met = reached(figure);
    table.push([
      figure.name,
      `${round(figure.value)} ${figure.unit}`.trim(),
      wanted,
      met === undefined ? '' : met ? 'met' : 'MISSED',
    ]);
  }
  process.stdout.write(`${about}\n${table.toString()}\n`);
}

function round(value: number): string {
  return value >= 1_000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
