import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignTemplates, spreadOverHosts } from './planRebalance.js';
import { parseTemplate } from './parseTemplate.js';
import { leavesOf, printTemplate, type Template } from './template.js';

const parse = (text: string): Template => parseTemplate(text, (name) => (name === 'flock' ? name : undefined));
const on = (...hosts: readonly string[]): Template =>
  parse(`replicating(${hosts.map((host) => `flock(${host})`).join(', ')})`);
const hostsOf = (tree: Template): string[] => leavesOf(tree).map((leaf) => leaf.host!);
const copies = (before: readonly Template[], after: readonly Template[]): number =>
  after.reduce((sum, tree, i) => sum + hostsOf(tree).filter((host) => !hostsOf(before[i]!).includes(host)).length, 0);
const loads = (trees: readonly Template[]): Map<string, number> => {
  const found = new Map<string, number>();
  for (const host of trees.flatMap(hostsOf)) found.set(host, (found.get(host) ?? 0) + 1);
  return found;
};

describe('spreading trees over hosts', () => {
  it('moves from 10 hosts to 16 no more of 10,000 shards than the six new hosts need', () => {
    const before = Array.from({ length: 10_000 }, (_, i) => on(`db${i % 10}`, `db${(i + 1 + (i % 7)) % 10}`));
    const hosts = Array.from({ length: 16 }, (_, i) => ({ hostname: `db${i}`, weight: 1 }));
    const after = spreadOverHosts(before, hosts);
    expect(new Set(loads(after).values())).toEqual(new Set([1_250]));
    expect(copies(before, after)).toBe(6 * 1_250);
  });

  it('gives each host its share, never two copies of a tree, and moves nothing that is in its place', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uniqueArray(fc.nat({ max: 7 }), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 40 }),
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 8, maxLength: 8 }),
        (places, weights) => {
          fc.pre(weights.filter((weight) => weight > 0).length >= 3);
          const before = places.map((hosts) => on(...hosts.map((host) => `h${host}`)));
          const after = spreadOverHosts(
            before,
            weights.map((weight, i) => ({ hostname: `h${i}`, weight })),
          );
          for (const tree of after) expect(new Set(hostsOf(tree)).size).toBe(hostsOf(tree).length);
          for (const host of loads(after).keys()) expect(weights[Number(host.slice(1))]).toBeGreaterThan(0);
          const again = spreadOverHosts(
            after,
            weights.map((weight, i) => ({ hostname: `h${i}`, weight })),
          );
          expect(copies(after, again)).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('empties a host of weight 0, and one that is not named', () => {
    const before = [on('a', 'b'), on('b', 'c'), on('c', 'a')];
    const after = spreadOverHosts(before, [
      { hostname: 'a', weight: 1 },
      { hostname: 'b', weight: 0 },
      { hostname: 'd', weight: 1 },
    ]);
    expect(after.map((tree) => hostsOf(tree).sort())).toEqual([
      ['a', 'd'],
      ['a', 'd'],
      ['a', 'd'],
    ]);
    expect(printTemplate(after[0]!)).toBe('replicating(flock(a), flock(d))');
  });

  it('keeps weights, wrappers and attributes', () => {
    const before = [parse('replicating(flock(a, "INT UNSIGNED", "INT UNSIGNED") * 3, writeOnly(flock(b)))')];
    const after = spreadOverHosts(before, [
      { hostname: 'b', weight: 1 },
      { hostname: 'c', weight: 1 },
    ]);
    expect(after.map(printTemplate)).toEqual([
      'replicating(flock(c, destinationType="INT UNSIGNED", sourceType="INT UNSIGNED") * 3, writeOnly(flock(b)))',
    ]);
  });

  it('refuses trees that are wider than there are hosts', () => {
    expect(() => spreadOverHosts([on('a', 'b')], [{ hostname: 'a', weight: 1 }])).toThrow(
      'a tree has 2 leaves, for which 1 hosts of positive weight are too few',
    );
  });
});

describe('giving trees one of some shapes', () => {
  it('gives each shape its share, and copies as little as possible', () => {
    const before = [...Array.from({ length: 6 }, () => on('a', 'b')), ...Array.from({ length: 2 }, () => on('c', 'd'))];
    const after = assignTemplates(before, [
      { template: on('a', 'b'), weight: 1 },
      { template: on('c', 'd'), weight: 1 },
      { template: on('b', 'e'), weight: 2 },
    ]);
    expect(after.map(printTemplate).sort()).toEqual(
      [
        ...Array.from({ length: 2 }, () => on('a', 'b')),
        ...Array.from({ length: 4 }, () => on('b', 'e')),
        ...Array.from({ length: 2 }, () => on('c', 'd')),
      ]
        .map(printTemplate)
        .sort(),
    );
    // Four trees go from a and b to b and e, one copy each; the others stay.
    expect(copies(before, after)).toBe(4);
  });

  it('finds the least of all assignments of small cases', () => {
    const shape = fc
      .uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 2 })
      .map((hosts) => on(...hosts));
    fc.assert(
      fc.property(
        fc.array(shape, { minLength: 1, maxLength: 5 }),
        fc.array(shape, { minLength: 1, maxLength: 3 }),
        (before, shapes) => {
          const after = assignTemplates(
            before,
            shapes.map((template) => ({ template, weight: 1 })),
          );
          const shares = (trees: readonly Template[]): string =>
            JSON.stringify(shapes.map((template) => trees.filter((tree) => tree === template).length));
          let least = Infinity;
          const all = (chosen: Template[]): void => {
            if (chosen.length < before.length) for (const template of shapes) all([...chosen, template]);
            else if (shares(chosen) === shares(after)) least = Math.min(least, copies(before, chosen));
          };
          all([]);
          expect(copies(before, after)).toBe(least);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('refuses weights that are all 0', () => {
    expect(() => assignTemplates([on('a')], [{ template: on('b'), weight: 0 }])).toThrow(
      'at least one weight must be above 0',
    );
  });
});

it('gives each host its share of several tables together, what it was owed of one first in the next, and copies nothing where that was so', () => {
  const hosts = ['a', 'b', 'c'].map((hostname) => ({ hostname, weight: 1 }));
  const owed = new Map<string, number>();
  const tables = Array.from({ length: 3 }, () => spreadOverHosts([on('z')], hosts, owed));
  expect(tables.flatMap((trees) => trees.flatMap(hostsOf)).sort()).toEqual(['a', 'b', 'c']);
  const again = new Map<string, number>();
  for (const trees of tables) expect(spreadOverHosts(trees, hosts, again)).toEqual(trees);
});
