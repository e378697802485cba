import type { Metrics } from '../../process/index.js';

export interface HedgeConfig {
  readonly hedge: boolean;
  readonly hedgeMaxPercent: number;
}

/** Reads of a host that its p95 is computed from, and new ones before it is computed again. */
const window = 256;
const refreshEvery = 32;
/** Reads of a host before anything is hedged against it. */
const fewestReads = 64;
/** Hedges that a quiet time may save up. */
const savedHedges = 20;

class Latencies {
  readonly #tookMs = new Float64Array(window);
  #count = 0;
  p95Ms = Infinity;

  add(tookMs: number): void {
    this.#tookMs[this.#count++ % window] = tookMs;
    if (this.#count < fewestReads || this.#count % refreshEvery !== 0) return;
    const sorted = this.#tookMs.slice(0, Math.min(this.#count, window)).sort();
    this.p95Ms = sorted[Math.floor(sorted.length * 0.95)]!;
  }
}

/**
 * Decides when a read asks a second replica because the first is slow (hedged requests: Dean and Barroso, The Tail at
 * Scale, 2013): once the first has taken longer than 19 of 20 reads of its host, and for at most a given share of all
 * reads, so that a cluster that is slow as a whole does not get twice the load.
 */
export class Hedge {
  readonly #hosts = new Map<string, Latencies>();
  readonly #won: (by: 'first' | 'second') => void;
  #tokens = savedHedges;

  constructor(
    private readonly config: HedgeConfig,
    metrics: Metrics,
  ) {
    const hedged = metrics.counter(
      'roost_hedged_reads_total',
      'Reads that asked a second replica because the first was slow, by who answered first',
      ['winner'],
    );
    this.#won = (winner) => hedged.inc({ winner });
  }

  get enabled(): boolean {
    return this.config.hedge;
  }

  /**
   * Counts a new read toward the share. Returns how long to wait for this host; undefined if nothing is to be hedged.
   */
  begin(hostname: string): number | undefined {
    this.#tokens = Math.min(savedHedges, this.#tokens + this.config.hedgeMaxPercent / 100);
    const p95Ms = this.#hosts.get(hostname)?.p95Ms ?? Infinity;
    return Number.isFinite(p95Ms) ? p95Ms : undefined;
  }

  /** Takes one hedge if the share allows it. */
  take(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Reports how long a host took for a read. */
  answered(hostname: string, tookMs: number): void {
    let latencies = this.#hosts.get(hostname);
    if (latencies === undefined) this.#hosts.set(hostname, (latencies = new Latencies()));
    latencies.add(tookMs);
  }

  won(by: 'first' | 'second'): void {
    this.#won(by);
  }
}
