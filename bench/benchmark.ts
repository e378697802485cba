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
  /** Its process, where it writes its profile when bench/profiled.ts is told to, and the costs of its turns where the benchmark asks for them. */
  readonly server: { readonly pid: number; readonly profilePath: string; readonly turnsPath: string };
}

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What each round gave; `value` is their median. Absent: it was measured once. */
  readonly samples?: readonly number[];
  /** What the figure should reach, where a target was set. */
  readonly target?: { readonly atLeast: number } | { readonly atMost: number };
}

/** Compares ours with a peer in one run, by turns, so that what else the machine does meets both. */
export type Benchmark = ClusterBenchmark | PlainBenchmark;

interface Described {
  readonly name: string;
  readonly about: string;
  /** What its figures mean to somebody who has an application to run. */
  readonly meaning: string;
}

/** Measured in processes of its own. */
export interface PlainBenchmark extends Described {
  readonly needsCluster: false;
  run(): Promise<readonly Figure[]>;
}

/** Measured on a cluster that is made for it. */
export interface ClusterBenchmark extends Described {
  readonly needsCluster?: true;
  /** Database hosts that it needs. Absent: one. */
  readonly databaseHosts?: number;
  /** What its configuration has beside that of the playground. */
  readonly config?: Partial<ClusterConfigInput>;
  /** Whether the cluster leaves the last core to the load. */
  readonly pinned?: boolean;
  /** Whether the server measures its turns of the event loop, with bench/turnCosts.ts. */
  readonly turns?: boolean;
  run(cluster: BenchCluster): Promise<readonly Figure[]>;
}

export type Verdict = 'met' | 'MISSED' | 'noisy';

/** How a figure stands to its target. `noisy`: its rounds differ by more than what is between it and the target, so that another run could say otherwise. */
export function verdictOf({ value, samples, target }: Figure): Verdict | undefined {
  if (target === undefined) return undefined;
  const bound = 'atLeast' in target ? target.atLeast : target.atMost;
  if (samples !== undefined) {
    const { low, high } = spread(samples);
    if (high - low > Math.abs(value - bound)) return 'noisy';
  }
  return ('atLeast' in target ? value >= bound : value <= bound) ? 'met' : 'MISSED';
}
