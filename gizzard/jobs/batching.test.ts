import fc from 'fast-check';
import { expect, it } from 'vitest';
import { append, notesOf, secondShard, type Note } from '../../test/support/notes.js';
import { notesCluster } from '../../test/support/notesCluster.js';

const cluster = notesCluster('batching', { errorDelaySeconds: 0.05 });

/** Each case has values of its own, so that the tables need no emptying. */
const valuesPerCase = 1_000;

it('gives the same tables however items are split into jobs, ordered and repeated, with two workers', async () => {
  const writer = await cluster.open();
  await cluster.open();
  const keys = [0n, 1n, secondShard - 1n, secondShard, 2n ** 63n - 1n];
  const items = fc.uniqueArray(fc.record({ key: fc.constantFrom(...keys), value: fc.nat(valuesPerCase - 1) }), {
    minLength: 1,
    maxLength: 40,
    selector: ({ key, value }) => `${key}=${value}`,
  });
  const expected: Record<'first' | 'second', string[]> = { first: [], second: [] };
  let cases = 0;
  await fc.assert(
    fc.asyncProperty(items, fc.infiniteStream(fc.nat()), async (notes, randoms) => {
      const random = (below: number): number => randoms.next().value! % below;
      const base = cases++ * valuesPerCase;
      const mine = notes.map(({ key, value }): Note => ({ key, value: base + value }));
      const left = [...mine, ...mine.filter(() => random(3) === 0)].sort(() => random(3) - 1);
      const jobs: Promise<void>[] = [];
      while (left.length > 0) {
        jobs.push(append(writer, left.splice(0, 1 + random(8)), { wait: true }));
        if (random(4) === 0) await Promise.all(jobs);
      }
      await Promise.all(jobs);
      for (const { key, value } of mine) expected[key < secondShard ? 'first' : 'second'].push(`${key}=${value}`);
      const held = await notesOf(writer);
      for (const shard of ['first', 'second'] as const)
        for (const leaf of [`${cluster.db1}/${shard}`, `${cluster.db2}/${shard}`])
          expect([...held[leaf]!].sort()).toEqual([...expected[shard]].sort());
    }),
    { numRuns: 60 },
  );
  // A shrunk failure would run on tables that hold what failed before.
}, 60_000);
