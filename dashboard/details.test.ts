import { expect, it } from 'vitest';
import { emptyTopology, Topology } from '../gizzard/index.js';
import { tablesView } from './details.js';

const trees = 5_000;
const step = 2n ** 63n / BigInt(trees);
const root = (i: number) => ({ hostname: 'localhost', tablePrefix: `t${i}_root` });
const leaf = (i: number, host: string) => ({ hostname: host, tablePrefix: `t${i}` });
const range = Array.from({ length: trees }, (_, i) => i);
const topology = new Topology({
  ...emptyTopology,
  tables: [{ tableId: 1, name: 'follows', service: 'flock', hash: 'identity' }],
  shards: range.flatMap((i) => [
    { id: root(i), type: 'replicating', attributes: {}, busy: 'normal' as const },
    ...['db1', 'db2'].map((host) => ({ id: leaf(i, host), type: 'flock', attributes: {}, busy: 'normal' as const })),
  ]),
  links: range.flatMap((i) => ['db1', 'db2'].map((host) => ({ parent: root(i), child: leaf(i, host), weight: 1 }))),
  forwardings: range.map((i) => ({ tableId: 1, baseId: BigInt(i) * step, shard: root(i) })),
});

it('lists tables, and shows the trees of the table asked for', () => {
  const { tables, trees: none } = tablesView(topology, new URLSearchParams());
  expect(tables).toEqual([
    { table: 1, name: 'follows', service: 'flock', hash: 'identity', forwardings: trees, covered: true },
  ]);
  expect(none).toBeNull();
});

it('pages through all trees of a table, each once', () => {
  const seen: string[] = [];
  for (let from = '0'; from !== '';) {
    const { trees: page } = tablesView(topology, new URLSearchParams({ table: '1', from }));
    expect(page!.list.length).toBeLessThanOrEqual(100);
    seen.push(...page!.list.map(({ tree }) => tree.shard));
    from = page!.next;
  }
  expect(seen).toEqual(range.map((i) => `localhost/t${i}_root`));
});

it('finds the tree of a key, with what may be done with each leaf', () => {
  const key = String(step * 17n + 5n);
  const { list, found } = tablesView(topology, new URLSearchParams({ table: '1', key })).trees!;
  expect(found).toBe(`key ${key} has the hash ${key}, in the first tree below`);
  expect(list).toEqual([
    {
      base: String(step * 17n),
      tree: expect.objectContaining({
        shard: 'localhost/t17_root',
        children: [
          expect.objectContaining({ shard: 'db1/t17', access: 'read allow, write allow' }),
          expect.objectContaining({ shard: 'db2/t17' }),
        ],
      }) as unknown,
    },
  ]);
});

it.each([{ table: 'x' }, { table: '2' }, { table: '1', from: '-1' }, { table: '1', key: 'abc' }])(
  'refuses %o',
  (query) => {
    expect(() => tablesView(topology, new URLSearchParams(query))).toThrow(/must be|there is no table/);
  },
);
