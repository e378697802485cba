/** The middle value; the mean of the two middle ones where their number is even. */
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

/** The median of rounds, with what each of them gave. */
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

/** Between two values: as far from one to the next as the fraction says. */
function quantile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * fraction;
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at % 1);
}

/** Runs `work` and says how long it took, in milliseconds. */
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
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < total) {
      const index = next++;
      taken.push(await timed(() => work(index)));
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return taken;
}

/** Runs `work` again and again for so long, one at a time, and returns each run's milliseconds. Sides that take turns get as much time each, and are as warm. */
export async function latenciesFor(forMs: number, work: (index: number) => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  const untilMs = performance.now() + forMs;
  while (performance.now() < untilMs) taken.push(await timed(() => work(taken.length)));
  return taken;
}
