import { describe, expect, it } from 'vitest';
import { keyHash } from '../hashes/index.js';
import { applyChanges } from '../topology/changes.js';
import { Topology } from '../topology/topology.js';
import { emptyTopology, shardKey } from '../topology/types.js';
import { parseTemplate } from './parseTemplate.js';
import { MigrationPlanner } from './planMigration.js';
import {
  changePartitions,
  leavesPerHost,
  merge,
  moveShard,
  placesOf,
  planTable,
  rebalanceHosts,
  rebalanceTemplates,
  split,
  transform,
  transformTree,
} from './planRequests.js';
import { copyCount } from './steps.js';
import type { Template } from './template.js';

const parse = (text: string): Template => parseTemplate(text, (name) => (name === 'flock' ? name : undefined));
const table = { tableId: 1, name: 'follows', service: 'flock', hash: 'fnv1a64' };
const topologyOf = (shards: number, ...shapes: readonly string[]): Topology =>
  new Topology(
    applyChanges(
      emptyTopology,
      planTable(
        new Topology(emptyTopology),
        table,
        shards,
        shapes.map((shape) => ({ template: parse(shape), weight: 1 })),
      ),
    ),
  );
const planner = (shards: number, ...shapes: readonly string[]): MigrationPlanner =>
  new MigrationPlanner(topologyOf(shards, ...shapes));
const goals = (plans: readonly { readonly title: string }[]): string[] =>
  plans.map(({ title }) => title.split(' → ')[1]!);

describe('making a table', () => {
  it('covers every key with trees of the shapes asked for, by their weights', () => {
    const changes = planTable(new Topology(emptyTopology), table, 8, [
      { template: parse('replicating(flock(a), flock(b))'), weight: 3 },
      { template: parse('flock(c)'), weight: 1 },
    ]);
    const topology = new Topology(applyChanges(emptyTopology, changes));
    expect(topology.covers(1)).toBe(true);
    const made = new MigrationPlanner(topology);
    const shapes = placesOf(made, [1]).map(({ tableId, baseId }) => made.template(tableId, baseId));
    expect(leavesPerHost(shapes)).toEqual(
      new Map([
        ['a', 6],
        ['b', 6],
        ['c', 2],
      ]),
    );
    expect(() => planTable(topology, table, 1, [{ template: parse('flock(c)'), weight: 1 }])).toThrow(
      'there is a table 1 already',
    );
  });
});

describe('what an operator asks for', () => {
  it('transforms every tree of a shape, and no other', () => {
    const plans = transform(
      planner(6, 'flock(a)', 'flock(b)'),
      [1],
      parse('flock(a)'),
      parse('replicating(flock(a), flock(c))'),
    );
    expect(goals(plans)).toEqual(Array.from({ length: 3 }, () => 'replicating(flock(a), flock(c))'));
    expect(() => transform(planner(2, 'flock(a)'), [1], parse('flock(z)'), parse('flock(a)'))).toThrow(
      'no tree has the shape flock(z)',
    );
  });

  it('transforms the tree that holds a shard, and moves a leaf of it', () => {
    const at = planner(2, 'replicating(flock(a), flock(b))');
    const shard = { hostname: 'b', tablePrefix: 'follows_1_0001' };
    expect(goals(transformTree(at, shard, parse('flock(c)')))).toEqual(['flock(c)']);
    expect(goals(moveShard(at, shard, 'c'))).toEqual(['replicating(flock(a), flock(c))']);
    expect(moveShard(at, shard, 'b')).toEqual([]);
    expect(() => moveShard(at, shard, 'a')).toThrow(
      'b/follows_1_0001 cannot be moved: its tree has a shard on a already',
    );
    expect(() => moveShard(at, { hostname: 'localhost', tablePrefix: 'follows_1_0001_root' }, 'c')).toThrow(
      'is no shard that can be moved',
    );
    expect(() => moveShard(at, { hostname: 'b', tablePrefix: 'nowhere' }, 'c')).toThrow('there is no shard b/nowhere');
  });

  it('rebalances each table over all hosts', () => {
    const changes = [1, -1].flatMap((tableId) =>
      planTable(new Topology(emptyTopology), { ...table, tableId, name: tableId === 1 ? 'forward' : 'backward' }, 4, [
        { template: parse(tableId === 1 ? 'flock(a)' : 'flock(b)'), weight: 1 },
      ]),
    );
    const both = new MigrationPlanner(new Topology(applyChanges(emptyTopology, changes)));
    const plans = rebalanceHosts(
      both,
      [1, -1],
      ['a', 'b'].map((hostname) => ({ hostname, weight: 1 })),
    );
    expect(goals(plans).sort()).toEqual(['flock(a)', 'flock(a)', 'flock(b)', 'flock(b)']);
  });

  it('rebalances onto new hosts, and off old ones', () => {
    const plans = rebalanceHosts(
      planner(8, 'flock(a)', 'flock(b)'),
      [1],
      ['a', 'b', 'c', 'd'].map((hostname) => ({ hostname, weight: 1 })),
    );
    expect(goals(plans).sort()).toEqual(['flock(c)', 'flock(c)', 'flock(d)', 'flock(d)']);
    expect(plans.reduce((sum, plan) => sum + copyCount(plan), 0)).toBe(4);
    expect(
      goals(
        rebalanceTemplates(
          planner(4, 'flock(a)'),
          [1],
          [
            { template: parse('flock(a)'), weight: 1 },
            { template: parse('flock(b)'), weight: 1 },
          ],
        ),
      ),
    ).toEqual(['flock(b)', 'flock(b)']);
    expect(goals(changePartitions(planner(4, 'flock(a)', 'flock(b)'), [1], { remove: [parse('flock(b)')] }))).toEqual([
      'flock(a)',
      'flock(a)',
    ]);
    expect(
      goals(changePartitions(planner(3, 'flock(a)'), [1], { add: [parse('flock(b)'), parse('flock(c)')] })).sort(),
    ).toEqual(['flock(b)', 'flock(c)']);
    expect(() => changePartitions(planner(4, 'flock(a)'), [1], { remove: [parse('flock(a)')] })).toThrow(
      'no shape would be left',
    );
  });

  it('splits in the middle or where it is told, and merges neighbors', () => {
    const at = planner(2, 'flock(a)');
    const half = (keyHash('fnv1a64').maxHash + 1n) / 2n;
    expect(goals(split(at, { tableId: 1, baseId: half }))).toEqual(['flock(a) + flock(a)']);
    expect(
      goals(
        split(
          at,
          { tableId: 1, baseId: 0n },
          { at: [5n, 7n], shapes: ['a', 'b', 'c'].map((host) => parse(`flock(${host})`)) },
        ),
      ),
    ).toEqual(['flock(a) + flock(b) + flock(c)']);
    expect(() => split(at, { tableId: 1, baseId: 0n }, { at: [half] })).toThrow(
      `can be split between 1 and ${half - 1n}, not at ${half}`,
    );
    expect(() => split(at, { tableId: 1, baseId: 0n }, { shapes: [parse('flock(a)')] })).toThrow(
      '2 parts need as many shapes, not 1',
    );
    expect(goals(merge(at, { tableId: 1, baseId: 0n }, 2))).toEqual(['flock(a)']);
    expect(() => merge(at, { tableId: 1, baseId: half }, 2)).toThrow('two or more are needed');
  });

  it('plans a rebalance of 10,000 shards from 10 to 16 hosts, every step of it', { timeout: 120_000 }, () => {
    const at = planner(
      10_000,
      ...Array.from({ length: 10 }, (_, i) => `replicating(flock(db${i}), flock(db${(i + 1) % 10}))`),
    );
    const plans = rebalanceHosts(
      at,
      [1],
      Array.from({ length: 16 }, (_, i) => ({ hostname: `db${i}`, weight: 1 })),
    );
    expect(plans.reduce((sum, plan) => sum + copyCount(plan), 0)).toBe(6 * 1_250);
    expect(new Set(plans.flatMap((plan) => plan.created.map((shard) => shardKey(shard.id)))).size).toBe(6 * 1_250);
  });
});
