import { inParallel } from '../core/index.js';

/** The middle value, or the mean of the two middle values if their number is even. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value below which the share `fraction` of the values lies. */
export function percentile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))]!;
}

/** The median of the rounds, with the result of each round. */
export const ofRounds = (
  samples: readonly number[],
): { readonly value: number; readonly samples: readonly number[] } => ({
  value: median(samples),
  samples,
});

/** The range that holds the middle half of the values. */
export const spread = (values: readonly number[]): { readonly low: number; readonly high: number } => ({
  low: quantile(values, 0.25),
  high: quantile(values, 0.75),
});

/** Interpolates between two neighboring values. */
function quantile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * fraction;
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at % 1);
}

/** Runs `work`, and returns its duration in milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

/** Runs `work` `total` times, `inFlight` at once, and returns each run's milliseconds. */
export async function latencies(
  total: number,
  inFlight: number,
  work: (index: number) => Promise<unknown>,
): Promise<number[]> {
  const taken: number[] = [];
  await inParallel(Array(total).keys(), inFlight, async (i) => void taken.push(await timed(() => work(i))));
  return taken;
}

/**
 * Runs `work` repeatedly for `forMs`, one run at a time, and returns the milliseconds of each run. Sides that take
 * turns get the same time, and are equally warm.
 */
export async function latenciesFor(forMs: number, work: (index: number) => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  const untilMs = performance.now() + forMs;
  while (performance.now() < untilMs) taken.push(await timed(() => work(taken.length)));
  return taken;
}
