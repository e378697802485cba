import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deadline } from '../../core/index.js';
import { freshCluster } from '../../test/support/index.js';
import { EdgeReader } from '../edgeReader.js';
import { FlockTables } from '../storage/flockTables.js';
import { openFlock, type Flock, type GraphInfo, type IdPage, type Query } from '../index.js';
import { compile } from './compile.js';
import { pageById } from './page.js';
import { QueryRun } from './queryRun.js';

const cluster = freshCluster('algebra');
let flock: Flock;
let graph: GraphInfo;

/** Sets of different sizes and densities, so that every way to answer is taken: walking both, walking one and probing the other. */
const sets: readonly (readonly bigint[])[] = [
  Array.from({ length: 3_000 }, (_, i) => BigInt(i)),
  Array.from({ length: 1_000 }, (_, i) => BigInt(i * 3)),
  Array.from({ length: 600 }, (_, i) => BigInt(i * 7 + 2_000)),
  Array.from({ length: 12 }, (_, i) => BigInt(i * 251)),
  [0n, 1n, 2n, 2n ** 63n - 1n],
  [],
];

beforeAll(async () => {
  flock = await openFlock(cluster.config, { create: true, work: true });
  graph = await flock.createGraph('sets', { shards: 3, replicas: 2 });
  for (const [node, ids] of sets.entries()) {
    if (ids.length === 0) continue;
    const sourceIds = new BigInt64Array(ids.length).fill(BigInt(node));
    await flock.write(
      { graphId: graph.id, operations: 'add', sourceIds, destinationIds: BigInt64Array.from(ids) },
      { acknowledgment: 'materialized' },
    );
  }
});
afterAll(() => flock.close());

type Expression =
  | number
  | { readonly kind: 'intersection' | 'union' | 'difference'; readonly left: Expression; readonly right: Expression };

const { expression } = fc.letrec<{ expression: Expression; node: Expression }>((tie) => ({
  node: fc.record({
    kind: fc.constantFrom('intersection', 'union', 'difference'),
    left: tie('expression'),
    right: tie('expression'),
  }),
  expression: fc.oneof({ depthSize: 'small', withCrossShrink: true }, fc.nat({ max: sets.length - 1 }), tie('node')),
}));

const queryOf = (tree: Expression): Query =>
  typeof tree === 'number'
    ? { kind: 'term', term: { graphId: graph.id, sourceId: BigInt(tree), direction: 'forward', states: ['normal'] } }
    : { kind: tree.kind, left: queryOf(tree.left), right: queryOf(tree.right) };

function valueOf(tree: Expression): Set<bigint> {
  if (typeof tree === 'number') return new Set(sets[tree]);
  const [left, right] = [valueOf(tree.left), valueOf(tree.right)];
  if (tree.kind === 'union') return new Set([...left, ...right]);
  return new Set([...left].filter((id) => right.has(id) === (tree.kind === 'intersection')));
}

const fallingIds = (tree: Expression): bigint[] => [...valueOf(tree)].sort((a, b) => (a < b ? 1 : -1));

describe('compound queries', () => {
  it('page forward and back through the same ids as sets in memory, whatever the page size', async () => {
    await fc.assert(
      fc.asyncProperty(expression, fc.constantFrom(1, 7, 300, 5_000), async (tree, size) => {
        // A single set pages by position; as a union with itself it pages by id, like any other.
        const query: Query =
          typeof tree === 'number' ? { kind: 'union', left: queryOf(tree), right: queryOf(tree) } : queryOf(tree);
        const expected = fallingIds(tree);
        const pages = Math.min(Math.ceil(expected.length / size), 5);
        const seen: bigint[] = [];
        let cursor = -1n;
        let last: IdPage | undefined;
        do {
          last = await flock.select(query, { count: size, cursor });
          expect(last.partial).toBe(false);
          expect(last.prevCursor === 0n || last.ids.length === 0).toBe(cursor === -1n || last.ids.length === 0);
          seen.push(...last.ids);
          cursor = last.nextCursor;
        } while (cursor !== 0n && seen.length < pages * size);
        expect(seen).toEqual(expected.slice(0, seen.length));
        expect(cursor === 0n).toBe(seen.length === expected.length);

        const back: bigint[] = [...last.ids];
        for (let prev = last.prevCursor; prev !== 0n;) {
          const page = await flock.select(query, { count: size, cursor: prev });
          expect(page.nextCursor).not.toBe(0n);
          back.unshift(...page.ids);
          prev = page.prevCursor;
        }
        expect(back).toEqual(seen);
      }),
      { numRuns: 100 },
    );
  }, 120_000);

  it('give partial pages when their budget of rows ends, and lose nothing between them', async () => {
    const reader = new EdgeReader(flock.gizzard, new FlockTables(flock.gizzard.database));
    await fc.assert(
      fc.asyncProperty(
        expression,
        fc.boolean(),
        fc.constantFrom(100, 700, 1_500, 2_500),
        async (tree, rising, rows) => {
          const source = compile(reader, queryOf(tree));
          const seen: bigint[] = [];
          let cursor = rising ? -(2n ** 63n) + 1n : -1n;
          for (let pages = 0; cursor !== 0n; pages++) {
            expect(pages).toBeLessThan(200);
            const page = await pageById(source, { count: 5_000, cursor }, new QueryRun(Deadline.after(5_000), rows));
            if (rising) seen.unshift(...page.ids);
            else seen.push(...page.ids);
            cursor = rising ? page.prevCursor : page.nextCursor;
          }
          // Backwards from 0 excludes 0 itself.
          expect(seen).toEqual(fallingIds(tree).filter((id) => !rising || id > 0n));
        },
      ),
      { numRuns: 50 },
    );
  }, 120_000);

  it('explain how they were answered', async () => {
    const explained = await flock.explain(queryOf({ kind: 'intersection', left: 0, right: 3 }), {
      count: 10,
      cursor: -1n,
    });
    expect(explained.plan).toMatch(/from 0 in .* ∩ .*from 3 in/);
    expect(explained.estimate).toBe(12n);
    expect(explained.page.ids.length).toBe(10);
    expect(explained.steps.map((step) => step.kind)).toEqual(['scan', 'scan', 'probe']);
  });

  it('take only the edges in a range of positions', async () => {
    const positions = BigInt64Array.from({ length: 20 }, (_, i) => BigInt(i));
    await flock.write(
      {
        graphId: graph.id,
        operations: 'add',
        sourceIds: new BigInt64Array(20).fill(100n),
        destinationIds: positions.map((i) => 50n + i),
        positions,
      },
      { acknowledgment: 'materialized' },
    );
    const term = {
      graphId: graph.id,
      sourceId: 100n,
      direction: 'forward',
      states: ['normal'],
      minPosition: 5n,
      maxPosition: 8n,
    } as const;
    expect((await flock.select({ kind: 'term', term }, { count: 3, cursor: -1n })).ids).toEqual(
      BigInt64Array.of(58n, 57n, 56n),
    );
    expect(await flock.count({ kind: 'term', term })).toBe(4n);
    const both: Query = { kind: 'intersection', left: { kind: 'term', term }, right: queryOf(0) };
    expect((await flock.select(both, { count: 10, cursor: -1n })).ids).toEqual(BigInt64Array.of(58n, 57n, 56n, 55n));
  });
});
