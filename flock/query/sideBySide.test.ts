import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import type { CompactId } from './compactId.js';
import { difference, intersection } from './filtered.js';
import { precedes, type IdSource } from './idSource.js';
import { QueryRun } from './queryRun.js';

/** Runs of ids at even steps, with gaps between them: dense here, sparse there, long holes. */
const runs = fc.array(
  fc.record({
    gap: fc.constantFrom(0, 900, 100_000),
    step: fc.constantFrom(1, 7, 300),
    count: fc.constantFrom(1, 40, 500, 2_000),
  }),
  { maxLength: 6 },
);
const idsOf = (all: readonly { gap: number; step: number; count: number }[]): number[] => {
  let at = 0;
  return all.flatMap(({ gap, step, count }) => {
    at += gap;
    return Array.from({ length: count }, () => (at += step));
  });
};

/** A list in memory that answers as a shard does, and counts its steps. */
function listed(ids: readonly number[], steps: { count: number }): IdSource {
  const members = new Set<CompactId>(ids);
  const falling = ids.toReversed();
  const record = (run: QueryRun, kind: 'scan' | 'probe', asked: number, rows: number): void => {
    steps.count++;
    run.record({ kind, shard: 's', host: 'h', asked, rows, tookMs: 0 });
  };
  return {
    label: 'list',
    estimate: () => Promise.resolve(BigInt(ids.length)),
    next(beyond, rising, limit, run) {
      const list = rising ? ids : falling;
      const first = beyond === undefined ? 0 : list.findIndex((id) => precedes(beyond, id, rising));
      const ahead = first < 0 ? [] : list.slice(first, first + limit);
      record(run, 'scan', limit, ahead.length);
      return Promise.resolve({ ids: ahead, through: ahead.length < limit ? undefined : ahead.at(-1) });
    },
    probe(asked, run) {
      record(run, 'probe', asked.length, asked.length);
      return Promise.resolve(new Set(asked.filter((id) => members.has(id))));
    },
  };
}

// Ids that the second set has no rows beside, which a difference must not pass over: chance seldom finds these.
const dense = [{ gap: 0, step: 1, count: 2_000 }];
const denseThenHole = [
  { gap: 0, step: 1, count: 500 },
  { gap: 100_000, step: 1, count: 2_000 },
];

it.each(['intersection', 'difference'] as const)(
  'the %s of lists is what sets in memory give, wherever its budget of rows cuts it',
  async (kind) => {
    await fc.assert(
      fc.asyncProperty(
        runs,
        runs,
        fc.boolean(),
        fc.constantFrom(30, 400, 5_000),
        fc.constantFrom(200, 1_000, 3_000, 100_000),
        async (a, b, rising, limit, rows) => {
          const [left, right] = [idsOf(a), idsOf(b)];
          const inRight = new Set(right);
          const expected = left.filter((id) => inRight.has(id) === (kind === 'intersection'));
          if (!rising) expected.reverse();
          const steps = { count: 0 };
          const source = (kind === 'intersection' ? intersection : difference)(
            listed(left, steps),
            listed(right, steps),
          );
          const seen: CompactId[] = [];
          let beyond: CompactId | undefined;
          do {
            const { ids, through } = await source.next(
              beyond,
              rising,
              limit,
              new QueryRun(Deadline.after(5_000), rows),
            );
            expect(ids.length).toBeLessThanOrEqual(limit);
            if (through !== undefined && beyond !== undefined) expect(precedes(beyond, through, rising)).toBe(true);
            seen.push(...ids);
            beyond = through;
            expect(steps.count).toBeLessThan(100);
            steps.count = 0;
          } while (beyond !== undefined);
          expect(seen).toEqual(expected);
        },
      ),
      { numRuns: 150, examples: [[dense, denseThenHole, true, 400, 100_000]] },
    );
  },
);
