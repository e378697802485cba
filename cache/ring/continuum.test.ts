import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Continuum } from './continuum.js';

const keys = Array.from({ length: 20_000 }, (_, i) => `row:${i * 7_919}`);
const named = (count: number, weight = 1): Map<string, number> =>
  new Map(Array.from({ length: count }, (_, i) => [`10.0.0.${i + 1}:11211`, weight]));

describe('the continuum', () => {
  it.each([1, 3, 7, 20])('gives a node that joins %i others its share, and moves nothing between them', (count) => {
    const before = new Continuum(named(count));
    const after = new Continuum(named(count + 1));
    const newcomer = `10.0.0.${count + 1}:11211`;
    const moved = keys.filter((key) => before.owner(key) !== after.owner(key));
    expect(moved.every((key) => after.owner(key) === newcomer)).toBe(true);
    const share = moved.length / keys.length;
    expect(share).toBeGreaterThan(0.6 / (count + 1));
    expect(share).toBeLessThan(1.5 / (count + 1));
  });

  it('gives nodes keys by their weights, and a node that joins takes none from one to another then either', () => {
    const weights = new Map([...named(3), ['10.0.1.1:11211', 3]]);
    const continuum = new Continuum(weights);
    const heavy = keys.filter((key) => continuum.owner(key) === '10.0.1.1:11211').length / keys.length;
    expect(heavy).toBeGreaterThan(0.42);
    expect(heavy).toBeLessThan(0.58);
    const more = new Continuum(new Map([...weights, ['10.0.1.2:11211', 2]]));
    expect(keys.every((key) => more.owner(key) === '10.0.1.2:11211' || more.owner(key) === continuum.owner(key))).toBe(
      true,
    );
  });

  it('spreads the keys of a removed node over all others', () => {
    const continuum = new Continuum(named(5));
    const gone = continuum.owner(keys[0]!)!;
    const heirs = new Set(keys.filter((key) => continuum.owner(key) === gone).map((key) => continuum.order(key)[1]));
    expect(heirs.size).toBe(4);
  });

  it('places keys as ketama does', () => {
    // From libketama's own algorithm, written out: the first point at or behind the key's, of 40 MD5 digests of "node-i", four points each.
    const continuum = new Continuum(named(3));
    expect(['a', 'b', 'row:1', 'row:2', 'row:3'].map((key) => continuum.owner(key))).toEqual(
      ['a', 'b', 'row:1', 'row:2', 'row:3'].map((key) => ketama([...named(3).keys()], key)),
    );
  });

  it('has no owner for a key without nodes', () => {
    expect(new Continuum(new Map()).owner('a')).toBeUndefined();
    expect(new Continuum(new Map()).order('a')).toEqual([]);
  });
});

function ketama(nodes: readonly string[], key: string): string {
  const points = nodes
    .flatMap((node) =>
      Array.from({ length: 40 }, (_, i) => createHash('md5').update(`${node}-${i}`).digest()).flatMap((digest) =>
        [0, 4, 8, 12].map((at) => ({ node, point: digest.readUInt32LE(at) })),
      ),
    )
    .sort((a, b) => a.point - b.point);
  const hash = createHash('md5').update(key).digest().readUInt32LE(0);
  return (points.find(({ point }) => point >= hash) ?? points[0]!).node;
}
