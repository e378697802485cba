import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyChanges } from '../topology/changes.js';
import { Topology } from '../topology/topology.js';
import { emptyTopology, shardKey, type TopologyState } from '../topology/types.js';
import { partOfTopology, type ConcreteTree } from './concreteTree.js';
import { parseTemplate } from './parseTemplate.js';
import { MigrationPlanner } from './planMigration.js';
import type { MigrationPlan, Phase, PlannedStep } from './steps.js';
import { checkTemplate, printTemplate, type Template } from './template.js';

const table = { tableId: 1, name: 'follows', service: 'flock', hash: 'fnv1a64' };
const parse = (text: string): Template => parseTemplate(text, (name) => (name === 'flock' ? name : undefined));

/** A table whose trees have these shapes, at the bases 0, 1000, 2000, … */
function topologyOf(...templates: readonly Template[]): Topology {
  let nodes = 0;
  const build = (template: Template, prefix: string): ConcreteTree => ({
    shard: {
      id:
        template.host === undefined
          ? { hostname: 'localhost', tablePrefix: `${prefix}_n${nodes++}` }
          : { hostname: template.host, tablePrefix: prefix },
      type: template.type,
      attributes: template.attributes,
      busy: 'normal',
    },
    weight: template.weight,
    children: template.children.map((child) => build(child, prefix)),
  });
  const part = partOfTopology(
    templates.map((template, i) => ({ tableId: 1, baseId: BigInt(i) * 1000n, tree: build(template, `follows_${i}`) })),
  );
  return new Topology({ ...part, version: 1, tables: [table] });
}

const changeSteps = (plan: MigrationPlan, phase: Phase): PlannedStep[] =>
  plan.steps.filter((step) => step.phase === phase && step.action.kind === 'change');

function advance(topology: Topology, plan: MigrationPlan, phase: Phase): Topology {
  return changeSteps(plan, phase).reduce(
    (now, { action }) => new Topology(applyChanges(now.state, action.kind === 'change' ? action.changes : [])),
    topology,
  );
}

function goBack(topology: Topology, plan: MigrationPlan, phase: Phase): Topology {
  return changeSteps(plan, phase).reduceRight(
    (now, { inverse }) => new Topology(applyChanges(now.state, inverse.kind === 'change' ? inverse.changes : [])),
    topology,
  );
}

const sorted = ({ shards, links, forwardings }: TopologyState): unknown => ({
  shards: [...shards].sort((a, b) => (shardKey(a.id) < shardKey(b.id) ? -1 : 1)),
  links: [...links].map((link) => `${shardKey(link.parent)} ${shardKey(link.child)} ${link.weight}`).sort(),
  forwardings: [...forwardings].map((one) => `${one.baseId} ${shardKey(one.shard)}`).sort(),
});

/** What happens on each leaf to the keys of a base. */
function behaviors(topology: Topology, baseId: bigint): Map<string, { read: string; write: string }> {
  const { shard } = topology.state.forwardings
    .filter((one) => one.baseId <= baseId)
    .sort((a, b) => (a.baseId < b.baseId ? -1 : 1))
    .at(-1)!;
  return new Map(topology.routeOf(shard).leaves.map(({ key, read, write }) => [key, { read, write }]));
}

const shapes = (topology: Topology): [bigint, string][] => {
  const planner = new MigrationPlanner(topology);
  return [...planner.roots(1).keys()].map((base) => [base, printTemplate(planner.template(1, base))]);
};

const leaf: fc.Arbitrary<Template> = fc
  .record({ host: fc.constantFrom('a', 'b', 'c', 'd', 'e'), weight: fc.integer({ min: 0, max: 3 }) })
  .map(({ host, weight }) => ({
    type: 'flock',
    host,
    weight,
    attributes: {},
    children: [],
  }));
const node = (type: string, children: readonly Template[], weight = 1): Template => ({
  type,
  weight,
  attributes: {},
  children,
});
const { tree } = fc.letrec<{ tree: Template }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie('tree'), { minLength: 1, maxLength: 3 }).map((children) => node('replicating', children)),
    fc
      .tuple(fc.constantFrom('writeOnly', 'readOnly', 'blocked', 'blackHole', 'slave'), tie('tree'))
      .map(([type, child]) => node(type, [child])),
  ),
}));
const valid = tree
  .map((template) => ({ ...template, weight: 1 }))
  .filter((template) => {
    try {
      return checkTemplate(template) === template;
    } catch {
      return false;
    }
  });

describe('a plan', () => {
  it('keeps every read and every write of any tree on its way to any other, and leads back exactly', () => {
    fc.assert(
      fc.property(valid, valid, (from, to) => {
        const before = topologyOf(from);
        let plan: MigrationPlan | undefined;
        try {
          plan = new MigrationPlanner(before).plan(1, [0n], [{ baseId: 0n, template: to }]);
        } catch (error) {
          expect(error).toMatchObject({ code: 'FailedPrecondition' });
          return;
        }
        if (plan === undefined) {
          expect(printTemplate(from)).toBe(printTemplate(to));
          return;
        }
        holdsItsPromises(before, plan, [0n]);
        const after = advance(advance(advance(before, plan, 'prepare'), plan, 'settle'), plan, 'cleanup');
        expect(shapes(after)).toEqual([[0n, printTemplate(to)]]);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps them for splits and merges too', () => {
    const bases = fc.uniqueArray(fc.bigInt({ min: 1n, max: 2_999n }), { maxLength: 3 });
    fc.assert(
      fc.property(
        fc.array(valid, { minLength: 1, maxLength: 3 }),
        bases,
        fc.array(valid, { minLength: 4, maxLength: 4 }),
        (froms, cuts, tos) => {
          fc.pre(froms.length > 1 || cuts.length > 0);
          const before = topologyOf(...froms);
          const wanted = [0n, ...cuts].map((baseId, i) => ({ baseId, template: tos[i]! }));
          let plan: MigrationPlan | undefined;
          try {
            plan = new MigrationPlanner(before).plan(
              1,
              froms.map((_, i) => BigInt(i) * 1000n),
              wanted,
            );
          } catch (error) {
            expect(error).toMatchObject({ code: 'FailedPrecondition' });
            return;
          }
          holdsItsPromises(before, plan!, [0n, 1n, 500n, 1_000n, 1_500n, 2_000n, 2_500n, ...cuts]);
          const after = advance(advance(advance(before, plan!, 'prepare'), plan!, 'settle'), plan!, 'cleanup');
          expect(shapes(after)).toEqual(
            wanted
              .sort((a, b) => (a.baseId < b.baseId ? -1 : 1))
              .map(({ baseId, template }) => [baseId, printTemplate(template)]),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  function holdsItsPromises(before: Topology, plan: MigrationPlan, keys: readonly bigint[]): void {
    const staged = advance(before, plan, 'prepare');
    const settled = advance(staged, plan, 'settle');
    const after = advance(settled, plan, 'cleanup');
    for (const key of keys) {
      const [s0, s1, s2, s3] = [before, staged, settled, after].map((topology) => behaviors(topology, key)) as [
        Map<string, { read: string; write: string }>,
        Map<string, { read: string; write: string }>,
        Map<string, { read: string; write: string }>,
        Map<string, { read: string; write: string }>,
      ];
      // While it is being filled, reads find what they found, and nothing that was written is not.
      for (const [shard, { read, write }] of s0) {
        if (read === 'allow' && write === 'allow') expect(s1.get(shard)).toEqual({ read, write });
        if (write !== 'ignore') expect(s1.get(shard)?.write).not.toBe('ignore');
        // Until the cleanup the old side gets every write, or has it waiting in the journal.
        if (write !== 'ignore') expect(['allow', 'deny']).toContain(s2.get(shard)?.write);
      }
      for (const [shard, { read, write }] of s3) {
        if (read === 'allow')
          expect(s2.get(shard)).toEqual(s0.has(shard) && write === 'ignore' ? expect.anything() : { read, write });
        // What will be read was whole before, or was written and filled all the while. What a shard refused waits for it in the journal.
        const wasWhole = s0.get(shard)?.read === 'allow' && s0.get(shard)?.write !== 'ignore';
        if (read === 'allow' && write !== 'ignore' && !wasWhole) expect(s1.get(shard)?.write).toBe('allow');
      }
    }
    expect(sorted(goBack(settled, plan, 'settle').state)).toEqual(sorted(staged.state));
    expect(sorted(goBack(staged, plan, 'prepare').state)).toEqual(sorted(before.state));
  }

  it('uses a replicating root as it is, and changes no forwarding for a move', () => {
    const before = topologyOf(parse('replicating(flock(a), flock(b))'));
    const plan = new MigrationPlanner(before).plan(
      1,
      [0n],
      [{ baseId: 0n, template: parse('replicating(flock(a), flock(c))') }],
    )!;
    expect(plan.steps.map(({ phase, title }) => `${phase}: ${title}`)).toEqual([
      'prepare: make the tables of c/follows_0',
      'prepare: write to the new shards too, and read from the old ones',
      'copy: copy a/follows_0 to c/follows_0',
      'verify: compare c/follows_0 with a/follows_0, b/follows_0, row by row',
      'settle: read from the new shards, and write to the old ones too',
      'cleanup: take the old shards out of the trees',
      'cleanup: rename the tables of b/follows_0, so that nothing can write to them',
      'cleanup: look for rows of b/follows_0_old that are not in a/follows_0, c/follows_0',
      'cleanup: set the tables of b/follows_0 aside',
    ]);
    expect(plan.title).toBe(
      'transform table 1 (follows) from 0: replicating(flock(a), flock(b)) → replicating(flock(a), flock(c))',
    );
    expect(
      plan.steps
        .flatMap(({ action }) => (action.kind === 'change' ? action.changes : []))
        .filter(({ kind }) => kind.endsWith('Forwarding')),
    ).toEqual([]);
  });

  it('copies to each half of a split only what belongs there', () => {
    const before = topologyOf(parse('flock(a)'), parse('flock(b)'));
    const plan = new MigrationPlanner(before).plan(
      1,
      [0n],
      [
        { baseId: 0n, template: parse('flock(c)') },
        { baseId: 600n, template: parse('flock(d)') },
      ],
    )!;
    const copies = plan.steps.flatMap(({ action }) => (action.kind === 'copy' ? [action.spec] : []));
    expect(copies.map(({ targets, range }) => [targets[0]!.id.hostname, range])).toEqual([
      ['c', { hash: 'fnv1a64', from: 0n, to: 600n }],
      ['d', { hash: 'fnv1a64', from: 600n, to: 1000n }],
    ]);
  });

  it.each([
    ['bases that are not neighbors', [0n, 2_000n], [0n], 'InvalidArgument'],
    ['a base that nothing is forwarded at', [5n], [5n], 'InvalidArgument'],
    ['trees that begin elsewhere', [0n], [1n], 'InvalidArgument'],
    ['trees that end elsewhere', [0n], [0n, 1_000n], 'InvalidArgument'],
    ['two trees at one base', [0n], [0n, 0n], 'InvalidArgument'],
  ])('is refused for %s', (_what, bases, wanted, code) => {
    const planner = new MigrationPlanner(topologyOf(parse('flock(a)'), parse('flock(b)'), parse('flock(c)')));
    const template = parse('flock(d)');
    expect(() =>
      planner.plan(
        1,
        bases,
        wanted.map((baseId) => ({ baseId, template })),
      ),
    ).toThrow(expect.objectContaining({ code }) as Error);
  });

  it('is refused where nothing can be read to copy from, and for a shard that other keys use', () => {
    expect(() =>
      new MigrationPlanner(topologyOf(parse('blocked(flock(a))'))).plan(
        1,
        [0n],
        [{ baseId: 0n, template: parse('flock(b)') }],
      ),
    ).toThrow('there is no shard to copy from');
    const { state } = topologyOf(parse('flock(a)'));
    const shared = new Topology({
      ...emptyTopology,
      ...state,
      forwardings: [...state.forwardings, { ...state.forwardings[0]!, baseId: 7n }],
    });
    expect(() => new MigrationPlanner(shared).plan(1, [0n], [{ baseId: 0n, template: parse('flock(b)') }])).toThrow(
      'belongs to other keys too',
    );
  });
});
