import { execFileSync } from 'node:child_process';
import type { Benchmark } from './benchmark.js';
import { median } from './statistics.js';

const rounds = 21;
const client = new URL('../sdk/index.js', import.meta.url).href;

/** The running time of a fresh process once it has imported the module, if any, and the memory that it holds then. */
interface Start {
  readonly ms: number;
  readonly cpuMs: number;
  readonly megabytes: number;
}

function start(imported?: string): Start {
  const load = imported === undefined ? '' : `await import(${JSON.stringify(imported)});`;
  const program = `${load}
    const { user, system } = process.cpuUsage();
    const [ms, cpuMs, megabytes] = [performance.now(), (user + system) / 1e3, process.memoryUsage.rss() / 1e6];
    console.log(JSON.stringify({ ms, cpuMs, megabytes }));`;
  const printed = execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
  return JSON.parse(printed) as Start;
}

/** The cost of the client to a service before its first call. */
export const clientImport: Benchmark = {
  name: 'clientImport',
  about: `roostdb/sdk imported in a fresh process, by turns with one that imports nothing: the medians of ${rounds}.`,
  meaning: 'What a service or a function in the cloud pays in start-up time and memory for having the client.',
  needsCluster: false,
  async run() {
    const empty: Start[] = [];
    const loaded: Start[] = [];
    for (let round = 0; round < rounds; round++) {
      empty.push(start());
      loaded.push(start(client));
    }
    const of = (starts: readonly Start[], what: keyof Start): number => median(starts.map((each) => each[what]));
    return [
      { name: 'empty Node, started', value: of(empty, 'ms'), unit: 'ms' },
      {
        name: 'client above it, started',
        value: of(loaded, 'ms') - of(empty, 'ms'),
        unit: 'ms',
        target: { atMost: 100 },
      },
      { name: 'empty Node, CPU', value: of(empty, 'cpuMs'), unit: 'ms' },
      { name: 'client above it, CPU', value: of(loaded, 'cpuMs') - of(empty, 'cpuMs'), unit: 'ms' },
      { name: 'empty Node, memory', value: of(empty, 'megabytes'), unit: 'MB' },
      {
        name: 'client above it, memory',
        value: of(loaded, 'megabytes') - of(empty, 'megabytes'),
        unit: 'MB',
        target: { atMost: 15 },
      },
    ];
  },
};
