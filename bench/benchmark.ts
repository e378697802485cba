import type { ServerReady } from '../cli/serverReady.js';
import type { RoostConfig } from '../process/index.js';
import type { ClusterConfigInput } from '../test/clusterConfig.js';
import type { Roost } from '../sdk/index.js';
import { spread } from './statistics.js';

/** A cluster made for one benchmark: a playground, and one server in a process of its own. */
export interface BenchCluster {
  readonly config: RoostConfig;
  readonly roost: Roost;
  /** Its ports. */
  readonly ready: ServerReady;
  /**
   * The server's process, the file of its profile if bench/profiled.ts is used, and the file of its turns' costs if
   * the benchmark asks for them.
   */
  readonly server: { readonly pid: number; readonly profilePath: string; readonly turnsPath: string };
}

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The result of each round; `value` is their median. Absent: it was measured once. */
  readonly samples?: readonly number[];
  /** The target of the figure, if it has one. */
  readonly target?: { readonly atLeast: number } | { readonly atMost: number };
}

/** Compares Roost with a peer in one run, by turns, so that other load on the machine affects both. */
export type Benchmark = ClusterBenchmark | PlainBenchmark;

interface Described {
  readonly name: string;
  readonly about: string;
  /** The meaning of the figures for the owner of an application. */
  readonly meaning: string;
}

/** A benchmark that runs in processes of its own. */
export interface PlainBenchmark extends Described {
  readonly needsCluster: false;
  run(): Promise<readonly Figure[]>;
}

/** A benchmark that runs on a cluster created for it. */
export interface ClusterBenchmark extends Described {
  readonly needsCluster?: true;
  /** The number of database hosts. Absent: one. */
  readonly databaseHosts?: number;
  /** Configuration beside that of the playground. */
  readonly config?: Partial<ClusterConfigInput>;
  /** Whether the cluster leaves the last core to the load. */
  readonly pinned?: boolean;
  /** Whether the server measures its turns of the event loop, with bench/turnCosts.ts. */
  readonly turns?: boolean;
  /** Whether the server traces, with bench/traced.ts. */
  readonly traced?: boolean;
  run(cluster: BenchCluster): Promise<readonly Figure[]>;
}

export type Verdict = 'met' | 'MISSED' | 'noisy';

/**
 * Compares a figure with its target. `noisy`: the spread of its rounds exceeds the distance to the target, so that
 * another run could give another verdict.
 */
export function verdictOf({ value, samples, target }: Figure): Verdict | undefined {
  if (target === undefined) return undefined;
  const bound = 'atLeast' in target ? target.atLeast : target.atMost;
  if (samples !== undefined) {
    const { low, high } = spread(samples);
    if (high - low > Math.abs(value - bound)) return 'noisy';
  }
  return ('atLeast' in target ? value >= bound : value <= bound) ? 'met' : 'MISSED';
}
