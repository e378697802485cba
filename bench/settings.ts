import { parseArgs } from 'node:util';

// Read as the modules of benchmarks are loaded, so that their sizes can follow. The command line of bench/main.ts checks the options.
const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, seed: { type: 'string' } },
  strict: false,
  allowPositionals: true,
});

/** Whether a run is to be short: sizes are a tenth, rounds are as many as ever. */
export const quick = values.quick === true;

/** What generated data follows. Two runs with one seed generate the same. */
export const seed = Number(values.seed ?? 1);

/** A number of edges, tweets, calls or milliseconds, and in a quick run a tenth of it. */
export const sized = (full: number): number => (quick ? Math.max(1, Math.round(full / 10)) : full);

/** The seed of one set of data in this run; `own` tells it from others of the run. */
export const seedOf = (own: number): number => (own + (seed - 1) * 1_000_003) % 2 ** 31;

/** How often the sides of a comparison take turns, after one round that warms them. */
export const rounds = 5;
