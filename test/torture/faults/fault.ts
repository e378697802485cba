import { setTimeout as sleep } from 'node:timers/promises';
import type { SlowProxy } from '../../support/slowProxy.js';
import type { JournalKind, TortureCluster } from '../cluster.js';

export interface FaultSetting {
  readonly cluster: TortureCluster;
  readonly random: (below: number) => number;
  readonly clientWays: readonly SlowProxy[];
  /** Accepted writes may be lost that were answered before now, and none is to be accepted from now on until the journal is adopted. */
  readonly lost: (sinceMs: number) => void;
  /** Acknowledged writes may be lost, and that is noticed, as docs/journal.md says of some failovers. */
  readonly mayLose: () => void;
  readonly note: (text: string) => void;
}

export type Place =
  'server0' | 'server1' | 'db1' | 'db2' | 'db3' | 'redis' | 'timelines' | 'cache' | 'network' | 'topology';

export interface Fault {
  /** What it befalls: faults that share a place do not run at once. */
  readonly places: readonly Place[];
  /** The kind of journal that it needs; absent: any. */
  readonly journal?: JournalKind;
  /** Brings it about, and returns what ends it. */
  readonly begin: (setting: FaultSetting) => Promise<() => Promise<void>>;
  readonly lastsMs: readonly [least: number, most: number];
  /** By how much after its last moment the journal may still accept a write, as docs/graph.md says of a clock that is set back. Absent: not at all. */
  readonly lateMs?: number;
}

/** Offsets of clocks that jump: some too small to be noticed, and one that is none. */
export const jumpsMs = [0, 0, 700, -700, 2_000, -2_000, 3_600_000, -3_600_000] as const;

/** Starts something again until it does: a server does not start while what it needs is away. */
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

/** Does something again and again until it is told to stop; returns what stops it, which waits for the last turn. */
export function again(turn: (stopped: () => boolean) => Promise<void>): () => Promise<void> {
  let stopped = false;
  const running = (async () => {
    while (!stopped) await turn(() => stopped);
  })();
  // Whoever stops it hears of it.
  running.catch(() => undefined);
  return async () => {
    stopped = true;
    await running;
  };
}
