import fc from 'fast-check';
import { expect, it } from 'vitest';
import { vectorOf } from '../../cache/index.js';
import { fromNewest } from './newestEdges.js';

it('a page from the newest entries of a list is that of the whole list, or none', () => {
  const position = fc.bigInt(-3n, 12n);
  const id = fc.bigInt(0n, 15n);
  const entry = fc.record({ id, position, kind: fc.nat(2) });
  const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
  const question = fc.record({
    range: fc.record({ minPosition: optional(position), maxPosition: optional(position) }),
    states: fc.subarray([0, 1, 2], { minLength: 1 }),
    bound: optional(fc.record({ position, id: optional(id) })),
    direction: fc.record({ older: fc.boolean(), inclusive: fc.boolean() }),
    limit: fc.integer({ min: 1, max: 6 }),
  });
  let answered = 0;
  fc.assert(
    fc.property(
      fc.uniqueArray(entry, { selector: (one) => one.id }),
      fc.nat(16),
      question,
      (entries, kept, { range, states, bound, direction, limit }) => {
        const ask = (count: number): unknown => {
          const whole = vectorOf(entries, true);
          const known = vectorOf(
            Array.from(whole.ids.subarray(0, count), (one) => entries.find((each) => each.id === one)!),
            count >= entries.length,
          );
          return fromNewest(known, range, states, bound, direction, limit);
        };
        const { minPosition, maxPosition } = range;
        const order = (a: (typeof entries)[number], b: { position: bigint; id: bigint }): number =>
          Number(a.position - b.position) || Number(a.id - b.id);
        const beyond = (one: (typeof entries)[number]): boolean => {
          if (bound === undefined) return true;
          const sign = direction.older ? -1 : 1;
          const by =
            bound.id === undefined
              ? Number(one.position - bound.position)
              : order(one, { position: bound.position, id: bound.id });
          return by * sign > 0 || (by === 0 && direction.inclusive);
        };
        const model = entries
          .filter(
            (one) =>
              states.includes(one.kind) &&
              (minPosition === undefined || one.position >= minPosition) &&
              (maxPosition === undefined || one.position <= maxPosition) &&
              beyond(one),
          )
          .sort((a, b) => (direction.older ? order(b, a) : order(a, b)))
          .slice(0, limit)
          .map(({ kind, ...rest }) => ({ ...rest, state: kind }));
        expect(ask(entries.length)).toEqual(model);
        const answer = ask(kept);
        if (answer === undefined) return;
        answered++;
        expect(answer).toEqual(model);
      },
    ),
    { numRuns: 2_000 },
  );
  expect(answered).toBeGreaterThan(500);
});
