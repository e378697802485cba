import { parseArgs } from 'node:util';

// Read as the benchmarks' modules load, so that their sizes can depend on it. The command line of bench/main.ts
// checks the options.
const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, seed: { type: 'string' } },
  strict: false,
  allowPositionals: true,
});

/** Whether the run is short: sizes are a tenth, and the number of rounds is the same. */
export const quick = values.quick === true;

/** The seed of generated data. Two runs with the same seed generate the same data. */
export const seed = Number(values.seed ?? 1);

/** A number of edges, tweets, calls or milliseconds; a tenth of it in a quick run. */
export const sized = (full: number): number => (quick ? Math.max(1, Math.round(full / 10)) : full);

/** The seed of one set of data in this run. `own` tells the set from the run's others. */
export const seedOf = (own: number): number => (own + (seed - 1) * 1_000_003) % 2 ** 31;

/** The number of rounds in which the sides of a comparison take turns, after one round that warms them. */
export const rounds = 5;
