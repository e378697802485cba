import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Benchmark, BenchCluster, Figure } from './benchmark.js';
import { makeGraph, untilMaterialized } from './cluster.js';
import { generatedColumns } from './edgeColumns.js';
import { rounds, seedOf, sized } from './settings.js';
import { latencies, median, ofRounds } from './statistics.js';

const edgeCount = sized(100_000);
const writes = sized(1_000);
const inFlight = 16;
const main = fileURLToPath(new URL('../cli/main.js', import.meta.url));

interface Run {
  readonly rows: number;
  readonly bytes: number;
  readonly elapsedMs: number;
}

/**
 * Dumps at their own pace, their cost and that of the archived journal for concurrent single writes, and restores
 * into an empty cluster.
 */
export const backup: Benchmark = {
  name: 'backup',
  meaning: 'How fast a cluster is dumped and restored, and what part of their rate writes keep meanwhile.',
  about: `a graph of ${edgeCount} edges to a folder, with ${inFlight} single writes in flight beside`,
  async run({ config, roost }: BenchCluster): Promise<readonly Figure[]> {
    const folder = mkdtempSync(join(tmpdir(), 'roost-bench-backup-'));
    const place = join(folder, 'to');
    const configOf = (cluster: string): string => {
      const path = join(folder, `${cluster}.json`);
      writeFileSync(path, JSON.stringify({ ...config, cluster }), { mode: 0o600 });
      return path;
    };
    const own = ['--config', configOf(config.cluster)];
    const graph = await roost.graph(await makeGraph(config, 'backedup', 4));
    await graph.writeColumns(generatedColumns(edgeCount, seedOf(3)), { deadlineMs: 60_000 });
    await untilMaterialized(roost);
    let next = 0;
    /** Writes until `enough` returns true. Returns the writes per second. */
    const rateUntil = async (enough: () => boolean): Promise<number> => {
      const startMs = performance.now();
      let done = 0;
      do {
        await latencies(writes, inFlight, () => graph.add(1_000_000 + (next % 1_000), next++));
        done += writes;
      } while (!enough());
      const rate = (done * 1_000) / (performance.now() - startMs);
      await untilMaterialized(roost);
      return rate;
    };
    const measured: Record<'alone' | 'dumped' | 'followed', number>[] = [];
    const dumps: Run[] = [];
    const restores: Run[] = [];
    try {
      for (let round = 0; round < rounds; round++) {
        const alone = await rateUntil(() => true);
        let ended = false;
        const dump = run('backup', 'run', place, '--json', ...own).finally(() => (ended = true));
        const dumped = await rateUntil(() => ended);
        dumps.push(await dump);
        const follower = await follow(join(folder, 'followed'), own);
        const followed = await rateUntil(() => true);
        await follower();
        measured.push({ alone, dumped, followed });
        restores.push(
          await run('restore', place, '--of', config.cluster, '--json', '--config', configOf(`restored${round}`)),
        );
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    const perSecond = (runs: readonly Run[], of: (run: Run) => number): number =>
      median(runs.map((each) => (of(each) * 1_000) / each.elapsedMs));
    return [
      { name: 'dump', value: perSecond(dumps, ({ rows }) => rows), unit: 'rows/s' },
      { name: 'dump, compressed', value: perSecond(dumps, ({ bytes }) => bytes / 1e6), unit: 'MB/s' },
      { name: 'restore', value: perSecond(restores, ({ rows }) => rows), unit: 'rows/s' },
      { name: 'writes, no backup', ...ofRounds(measured.map(({ alone }) => alone)), unit: 'writes/s' },
      {
        name: 'writes beside a dump / without',
        ...ofRounds(measured.map(({ dumped, alone }) => dumped / alone)),
        unit: '',
        target: { atLeast: 0.5 },
      },
      {
        name: 'writes that are followed / without',
        ...ofRounds(measured.map(({ followed, alone }) => followed / alone)),
        unit: '',
        target: { atLeast: 0.8 },
      },
    ];
  },
};

async function run(...args: string[]): Promise<Run> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  const [exitCode] = (await once(child, 'close')) as [number];
  if (exitCode !== 0) throw new Error(`roost ${args.join(' ')} ended with ${exitCode}`);
  return JSON.parse(stdout) as Run;
}

/** Starts a follower, and waits for its dump. Returns a function that stops the follower and its archive. */
async function follow(place: string, own: readonly string[]): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, [main, 'backup', 'run', place, '--follow', '--every', '1s', ...own], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(child.stdout, 'data');
  await sleep(1_000);
  return async () => {
    child.kill('SIGTERM');
    await once(child, 'close');
    await once(spawn(process.execPath, [main, 'backup', 'stop', '--yes', ...own], { stdio: 'ignore' }), 'close');
  };
}
