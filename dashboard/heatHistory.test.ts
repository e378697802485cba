import { expect, it } from 'vitest';
import { Topology } from '../gizzard/index.js';
import { emptyTopology } from '../gizzard/index.js';
import type { ServerFigures } from './figures.js';
import { HeatHistory } from './heatHistory.js';

const id = (tablePrefix: string) => ({ hostname: 'db1', tablePrefix });
const topology = new Topology({
  ...emptyTopology,
  tables: [{ tableId: 1, name: 'follows', service: 'flock', hash: 'identity' }],
  shards: ['low', 'high'].map((name) => ({ id: id(name), type: 'flock', attributes: {}, busy: 'normal' as const })),
  forwardings: [
    { tableId: 1, baseId: 0n, shard: id('low') },
    { tableId: 1, baseId: 2n ** 62n, shard: id('high') },
  ],
});

const post = (trees: ServerFigures['heat']['trees']): ServerFigures => ({
  post: 1,
  atMs: 0,
  counters: {},
  gauges: {},
  bounds: [],
  heat: { spanMs: 2_000, trees, keys: [{ table: 1, key: '7', writes: 10 }] },
});

it('shows the share of work of each part of the hash space, newest interval first', () => {
  const heat = new HeatHistory();
  heat.add([post([{ root: 'db1/low', reads: 10, writes: 0 }])], 100_000);
  heat.add([post([{ root: 'db1/high', reads: 0, writes: 1_000 }])], 110_000);
  const view = heat.view(topology);
  const [{ name, rows }] = view.tables as [(typeof view.tables)[0]];
  expect(name).toBe('follows');
  expect(rows).toEqual([expect.stringMatching(/^0{24}9{24}$/), expect.stringMatching(/^[1-8]{24}0{24}$/)]);
  expect(view.trees).toEqual([{ root: 'db1/high', readsPerSecond: 0, writesPerSecond: 500 }]);
  expect(view.keys).toEqual([{ table: 'follows', key: '7', writesPerSecond: 5 }]);
});

it('shows nothing for idle intervals, and forgets old ones', () => {
  const heat = new HeatHistory();
  expect(heat.view(topology).tables).toEqual([]);
  heat.add([post([{ root: 'db1/low', reads: 10, writes: 0 }])], 0);
  heat.add([], 600_000);
  expect(heat.view(topology).tables).toEqual([]);
});

it('leaves out trees that have left the topology', () => {
  const heat = new HeatHistory();
  heat.add([post([{ root: 'db1/gone', reads: 10, writes: 0 }])], 0);
  expect(heat.view(topology).tables).toEqual([]);
});
