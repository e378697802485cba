import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { vectorOf, type Vector, type VectorEntry } from './vector.js';
import { encodeChange, vectorCodec } from './vectorCodec.js';

const codec = vectorCodec(8);
const none = Buffer.alloc(0);
const entries = (...pairs: readonly (readonly [bigint, bigint])[]): VectorEntry[] =>
  pairs.map(([id, position]) => ({ id, position }));
const listOf = (vector: Vector | undefined): (readonly [bigint, bigint, number])[] | undefined =>
  vector && Array.from(vector.ids, (id, i) => [id, vector.positions[i]!, vector.kinds?.[i] ?? 0] as const);

describe('a vector', () => {
  it.each([
    ['ids in their own order', vectorOf(entries([5n, 5n], [9n, 9n], [7n, 7n]), true)],
    ['ids by position', vectorOf(entries([5n, 50n], [9n, 20n], [7n, 50n], [8n, 1n]), false)],
    [
      'ids of several kinds',
      vectorOf(
        [
          { id: 5n, position: 5n, kind: 2 },
          { id: 9n, position: 1n },
          { id: 7n, position: 7n, kind: 255 },
        ],
        true,
      ),
    ],
    ['nothing', vectorOf([], true)],
  ])('decodes to what was encoded: %s', (_what, vector) => {
    const back = codec.decode(codec.encode(vector), none)!;
    expect(listOf(back)).toEqual(listOf(vector));
    expect(back.complete).toBe(vector.complete);
  });

  it('equals a list that was changed step by step', () => {
    const codec = vectorCodec(1_000);
    const id = fc.bigInt(0n, 12n);
    const anEntry = fc.record({ id, position: fc.bigInt(-5n, 20n), kind: fc.nat(2) });
    const change = fc.record({ added: fc.array(anEntry, { maxLength: 1 }), removed: fc.array(id, { maxLength: 2 }) });
    fc.assert(
      fc.property(
        fc.uniqueArray(anEntry, { selector: (entry) => entry.id }),
        fc.array(change, { maxLength: 12 }),
        (base, changes) => {
          const model = new Map(base.map((entry) => [entry.id, entry]));
          let front: Buffer = none;
          for (const { added, removed } of changes) {
            const gone = removed.filter((each) => added.every((entry) => entry.id !== each));
            for (const each of gone) model.delete(each);
            for (const entry of added) model.set(entry.id, entry);
            front = Buffer.concat([encodeChange({ added, removed: gone }), front]);
          }
          const wanted = vectorOf([...model.values()], true);
          expect(listOf(codec.decode(codec.encode(vectorOf(base, true)), front))).toEqual(listOf(wanted));
        },
      ),
    );
  });

  it('that is truncated takes no ids behind its end', () => {
    const cut = vectorCodec(4);
    const base = cut.encode(vectorOf(entries([9n, 90n], [8n, 80n]), false));
    const front = encodeChange({ added: entries([7n, 85n], [1n, 10n]) });
    expect(listOf(cut.decode(base, front))).toEqual([
      [9n, 90n, 0],
      [7n, 85n, 0],
      [8n, 80n, 0],
    ]);
  });

  it('that is truncated is a miss once half of its ids are gone', () => {
    const cut = vectorCodec(4);
    const base = cut.encode(vectorOf(entries([9n, 9n], [8n, 8n], [7n, 7n], [6n, 6n]), false));
    expect(listOf(cut.decode(base, encodeChange({ removed: [9n, 7n] })))).toEqual([
      [8n, 8n, 0],
      [6n, 6n, 0],
    ]);
    expect(cut.decode(base, encodeChange({ removed: [9n, 7n, 6n] }))).toBeUndefined();
  });

  it('is truncated when it is too long, and says so', () => {
    const short = vectorCodec(2);
    const back = short.decode(short.encode(vectorOf(entries([9n, 9n], [8n, 8n], [7n, 7n]), true)), none)!;
    expect(listOf(back)).toEqual([
      [9n, 9n, 0],
      [8n, 8n, 0],
    ]);
    expect(back.complete).toBe(false);
  });

  it('is a miss when the prepended bytes are no changes', () => {
    const base = codec.encode(vectorOf(entries([9n, 9n]), true));
    expect(codec.decode(base, Buffer.from('x'))).toBeUndefined();
    expect(codec.decode(base, Buffer.alloc(20))).toBeUndefined();
  });
});
