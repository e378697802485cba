import {
  applyChanges,
  copyCount,
  MigrationPlanner,
  parseTemplate,
  planTable,
  readOrder,
  rebalanceHosts,
  Topology,
  type ShardInfo,
  type TopologyState,
} from '../gizzard/index.js';
import { emptyTopology } from '../gizzard/topology/types.js';
import type { Benchmark, Figure } from './benchmark.js';
import { median, timed } from './statistics.js';
import { rounds, sized } from './settings.js';

const forwardings = 100_000;
const lookups = sized(300_000);
const shards = 10_000;
const template = (text: string) => ({ template: parseTemplate(text, (name) => name), weight: 1 });
const table = (tableId: number) => ({ tableId, name: 'bench', service: 'flock', hash: 'fnv1a64' });

/** The cost of each request before it reaches a database, and the wait of a DBA for the plan of a rebalance. */
export const routing: Benchmark = {
  name: 'routing',
  meaning: 'What finding the shard of a key costs, in a topology larger than any in use.',
  about: `hash, search and pick of leaves among ${forwardings} forwardings; building that topology; planning a rebalance of ${shards} shards from 10 to 16 hosts`,
  async run(): Promise<readonly Figure[]> {
    const state = largeTopology();
    const built: number[] = [];
    for (let round = 0; round < rounds; round++) built.push(await timed(async () => void new Topology(state)));
    const topology = new Topology(state);
    const healthy = (): boolean => true;
    const keys = Array.from({ length: 4_096 }, (_, i) => BigInt(i) * 7_919n);
    const nanos: number[] = [];
    let leaves = 0;
    for (let round = 0; round < rounds; round++) {
      const ms = await timed(async () => {
        for (let i = 0; i < lookups; i++) leaves += readOrder(topology.route(1, keys[i & 4_095]!), healthy).length;
      });
      nanos.push((ms * 1e6) / lookups);
    }
    if (leaves !== rounds * lookups * 2) throw new Error('a route lacks leaves');

    const changes = planTable(
      new Topology(emptyTopology),
      table(1),
      shards,
      Array.from({ length: 10 }, (_, i) => template(`replicating(flock(db${i}), flock(db${(i + 1) % 10}))`)),
    );
    const before = new Topology(applyChanges(emptyTopology, changes));
    let copies = 0;
    const planMs = await timed(async () => {
      const plans = rebalanceHosts(
        new MigrationPlanner(before),
        [1],
        Array.from({ length: 16 }, (_, i) => ({ hostname: `db${i}`, weight: 1 })),
      );
      copies = plans.reduce((sum, plan) => sum + copyCount(plan), 0);
    });
    return [
      { name: 'route', value: median(nanos) / 1000, unit: 'µs', target: { atMost: 1 } },
      { name: 'taking over a topology', value: median(built), unit: 'ms', target: { atMost: 300 } },
      { name: 'planning a rebalance', value: planMs / 1000, unit: 's', target: { atMost: 5 } },
      { name: 'copies planned', value: copies, unit: 'shards' },
    ];
  },
};

/** One table of so many forwardings, each to a tree of two replicas of its own. */
function largeTopology(): TopologyState {
  const step = (1n << 60n) / BigInt(forwardings);
  const shard = (hostname: string, i: number, type: string): ShardInfo => ({
    id: { hostname, tablePrefix: `bench_${i}` },
    type,
    attributes: {},
    busy: 'normal',
  });
  const trees = Array.from({ length: forwardings }, (_, i) => ({
    root: shard('localhost', i, 'replicating'),
    leaves: [shard('db1', i, 'flock'), shard('db2', i, 'flock')],
  }));
  return {
    ...emptyTopology,
    tables: [table(1)],
    shards: trees.flatMap(({ root, leaves }) => [root, ...leaves]),
    links: trees.flatMap(({ root, leaves }) => leaves.map((leaf) => ({ parent: root.id, child: leaf.id, weight: 1 }))),
    forwardings: trees.map(({ root }, i) => ({ tableId: 1, baseId: step * BigInt(i), shard: root.id })),
  };
}
