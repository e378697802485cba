import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { makeGraph } from './cluster.js';
import { onLastCore } from './cores.js';
import type { FloodReport, KindReport } from './flood.js';
import { sized } from './settings.js';

const connections = 40;
const atOnce = 20_000;
const forMs = sized(5_000);
const times = 5;
const writesAsked = ['low', 'medium', 'high'];

/**
 * Sends more calls than a server can answer: the share that is answered, the share that is refused, and the times of
 * both. The load has a core of its own, and the server and its databases have the other cores, so that the load does
 * not slow them.
 */
export const overload: Benchmark = {
  name: 'overload',
  meaning:
    'Whether a server that is asked for more than it can do goes on answering what it can, and refuses the rest at once.',
  about: `single calls over ${connections} connections: ${atOnce} reads at once, and ${times} times what the server can do`,
  pinned: true,
  async run({ config, ready }: BenchCluster): Promise<readonly Figure[]> {
    await makeGraph(config, 'overload', 4);
    const flood = (kinds: readonly string[], ...load: string[]): Promise<FloodReport> =>
      runFlood(ready.flock.port, kinds, load);
    const open = (kinds: readonly string[], perSecond: number): Promise<FloodReport> =>
      flood(kinds, '--rate', String(Math.round(perSecond)), '--forMs', String(forMs));
    const closed = (kinds: readonly string[]): Promise<FloodReport> =>
      flood(kinds, '--inFlight', '256', '--forMs', String(forMs));
    const refusals = (): Promise<Histogram> => refusalTimes(ready.admin.port);

    await closed(['read']);
    const reads = answeredPerSecond(await closed(['read']));
    const before = await refusals();
    const burst = await flood(['read'], '--burst', String(atOnce));
    const between = await refusals();
    const flooded = await open(['read'], times * reads);
    const after = await refusals();
    const writes = answeredPerSecond(await closed(writesAsked));
    const mixed = await open(writesAsked, times * writes);
    return [
      ...figuresOf('at once', burst.kinds['read']!),
      ...serverFigures('at once', before, between),
      { name: 'capacity, 256 at once', value: reads, unit: 'reads/s' },
      ...figuresOf(`${times} × capacity`, flooded.kinds['read']!),
      ...serverFigures(`${times} × capacity`, between, after),
      {
        name: `${times} × capacity: answered, of capacity`,
        value: (100 * answeredPerSecond(flooded)) / reads,
        unit: '%',
        target: { atLeast: 70 },
      },
      { name: `${times} × capacity: the load's own core`, value: 100 * flooded.ownCpu, unit: '%' },
      { name: `${times} × capacity: the load looked away`, value: flooded.longestTurnMs, unit: 'ms' },
      { name: 'capacity, 256 at once', value: writes, unit: 'writes/s' },
      {
        name: `${times} × capacity: answered, of capacity`,
        value: (100 * answeredPerSecond(mixed)) / writes,
        unit: '%',
      },
      ...writesAsked.map((kind) => ({
        name: `${times} × capacity: answered of ${kind} priority`,
        value: (100 * mixed.kinds[kind]!.answered) / mixed.kinds[kind]!.asked,
        unit: '%',
      })),
    ];
  },
};

const answeredPerSecond = ({ kinds, seconds }: FloodReport): number =>
  Object.values(kinds).reduce((sum, { answered }) => sum + answered, 0) / seconds;

function figuresOf(what: string, { asked, answered, refused, late, answerMs, refusalMs }: KindReport): Figure[] {
  return [
    { name: `${what}: asked`, value: asked, unit: '' },
    { name: `${what}: answered`, value: answered, unit: '' },
    { name: `${what}: refused`, value: refused, unit: '' },
    { name: `${what}: after 5 s`, value: late, unit: '', target: { atMost: 0 } },
    { name: `${what}: time to an answer, p50`, value: answerMs.p50, unit: 'ms' },
    { name: `${what}: time to an answer, p99`, value: answerMs.p99, unit: 'ms' },
    { name: `${what}: time to a refusal, p50`, value: refusalMs.p50, unit: 'ms' },
    { name: `${what}: time to a refusal, p99`, value: refusalMs.p99, unit: 'ms' },
  ];
}

const serverFigures = (what: string, before: Histogram, after: Histogram): Figure[] => [
  {
    name: `${what}: time to a refusal in the server, p99 at most`,
    value: 1_000 * atMostSeconds(before, after, 0.99),
    unit: 'ms',
    target: { atMost: 50 },
  },
];

/** For each bound in seconds, the number of refusals that took at most that long. */
type Histogram = ReadonlyMap<number, number>;

/** The smallest bound that covers `share` of the refusals between two readings, in seconds. */
function atMostSeconds(before: Histogram, after: Histogram, share: number): number {
  const counts = [...after].map(([seconds, count]) => [seconds, count - (before.get(seconds) ?? 0)] as const);
  const all = counts.find(([seconds]) => seconds === Infinity)?.[1] ?? 0;
  return counts.find(([, count]) => count >= all * share)?.[0] ?? 0;
}

async function refusalTimes(adminPort: number): Promise<Histogram> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const lines = text.matchAll(/^roost_rpc_refused_seconds_bucket\{le="([^"]+)",service="flock"\} (\d+)$/gm);
  return new Map(Array.from(lines, ([, le, count]) => [le === '+Inf' ? Infinity : Number(le), Number(count)]));
}

async function runFlood(port: number, kinds: readonly string[], load: readonly string[]): Promise<FloodReport> {
  const file = fileURLToPath(new URL('flood.js', import.meta.url));
  const args = [file, '--port', String(port), '--connections', String(connections), '--kinds', kinds.join(), ...load];
  const { stdout } = await promisify(execFile)(...onLastCore(process.execPath, args));
  return JSON.parse(stdout) as FloodReport;
}
