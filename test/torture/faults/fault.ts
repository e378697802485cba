import { setTimeout as sleep } from 'node:timers/promises';
import type { SlowProxy } from '../../support/slowProxy.js';
import type { JournalKind, TortureCluster } from '../cluster.js';

export interface FaultSetting {
  readonly cluster: TortureCluster;
  readonly random: (below: number) => number;
  readonly clientWays: readonly SlowProxy[];
  /**
   * Reports that accepted writes may be lost if they were answered before now. From now on, no write may be accepted
   * until the journal is adopted.
   */
  readonly lost: (sinceMs: number) => void;
  /**
   * Reports that acknowledged writes may be lost, and that the cluster notices the loss, as docs/journal.md says of
   * some failovers.
   */
  readonly mayLose: () => void;
  readonly note: (text: string) => void;
}

export type Place =
  'server0' | 'server1' | 'db1' | 'db2' | 'db3' | 'redis' | 'timelines' | 'cache' | 'network' | 'topology';

export interface Fault {
  /** The places that the fault affects: faults that share a place do not run at once. */
  readonly places: readonly Place[];
  /** The kind of journal that the fault needs. Absent: any. */
  readonly journal?: JournalKind;
  /** Starts the fault, and returns a function that ends it. */
  readonly begin: (setting: FaultSetting) => Promise<() => Promise<void>>;
  readonly lastsMs: readonly [least: number, most: number];
  /**
   * How long after its last moment the journal may still accept a write, as docs/graph.md says of a clock that is set
   * back. Absent: not at all.
   */
  readonly lateMs?: number;
}

/** Offsets of clocks that jump; some are too small to be noticed, and zero is among them. */
export const jumpsMs = [0, 0, 700, -700, 2_000, -2_000, 3_600_000, -3_600_000] as const;

/** Starts a server repeatedly until it starts: a server does not start while its dependencies are away. */
export async function retry<T>(start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start();
    } catch (error) {
      if (attempt === 20) throw error;
      await sleep(500);
    }
  }
}

/** Repeats `turn` until it is told to stop. Returns a function that stops it, and waits for the last turn. */
export function again(turn: (stopped: () => boolean) => Promise<void>): () => Promise<void> {
  let stopped = false;
  const running = (async () => {
    while (!stopped) await turn(() => stopped);
  })();
  // The caller that stops it gets the error.
  running.catch(() => undefined);
  return async () => {
    stopped = true;
    await running;
  };
}
