import { groupBy, RoostError } from '../../core/index.js';
import { checkWeight, maxHostWeight } from '../topology/checks.js';
import { minCostFlow, type FlowEdge } from './minCostFlow.js';
import { leafIdentity, leavesOf, printTemplate, type Template } from './template.js';

/** A possible shape of trees, and its share of them. */
export interface WeightedTemplate {
  readonly template: Template;
  readonly weight: number;
}

/**
 * Assigns shapes to trees by weight (rounded by largest remainders) with the fewest leaves to copy. Returns each
 * tree's shape, in order. Throws `InvalidArgument` without a shape of positive weight.
 */
export function assignTemplates(trees: readonly Template[], shapes: readonly WeightedTemplate[]): Template[] {
  const quotas = shareOut(
    trees.length,
    shapes.map(({ weight }) => weight),
  );
  // Trees of one shape are interchangeable: they are counted.
  const kinds = [...groupBy(trees.keys(), (i) => printTemplate(trees[i]!)).values()];
  const source = kinds.length + shapes.length;
  const sink = source + 1;
  const between = kinds.flatMap((group, from) =>
    shapes.map(({ template }, i): FlowEdge => ({
      from,
      to: kinds.length + i,
      capacity: group.length,
      cost: costOf(trees[group[0]!]!, template),
    })),
  );
  const edges: FlowEdge[] = [
    ...between,
    ...kinds.map((group, to): FlowEdge => ({ from: source, to, capacity: group.length, cost: 0 })),
    ...quotas.map((capacity, i): FlowEdge => ({ from: kinds.length + i, to: sink, capacity, cost: 0 })),
  ];
  const flows = minCostFlow(sink + 1, edges, source, sink);
  const assigned = new Array<Template>(trees.length);
  const taken = kinds.map(() => 0);
  for (const [i, edge] of between.entries()) {
    for (let unit = 0; unit < flows[i]!; unit++)
      assigned[kinds[edge.from]![taken[edge.from]!++]!] = shapes[edge.to - kinds.length]!.template;
  }
  return assigned;
}

/**
 * Leaves to copy. A change that copies nothing still costs a little, so that trees keep their shape where possible.
 */
function costOf(from: Template, to: Template): number {
  const known = new Set(leavesOf(from).map(leafIdentity));
  const copies = leavesOf(to).filter((leaf) => !known.has(leafIdentity(leaf))).length;
  return copies * 1_000 + (printTemplate({ ...from, weight: 1 }) === printTemplate({ ...to, weight: 1 }) ? 0 : 1);
}

/** A database host and its share of the leaves; 0 empties it. */
export interface HostShare {
  readonly hostname: string;
  readonly weight: number;
}

/**
 * Spreads the leaves of trees over hosts by weight with the fewest copies: each tree keeps its shape, and no host
 * gets two leaves of one tree. Hosts not named are emptied. Returns the trees, in order.
 *
 * The remainder that a host is short of its share, since leaves are whole, is added to `owed`, and given to it first
 * in the next call.
 *
 * Throws `InvalidArgument` if a tree has more leaves than there are hosts of positive weight.
 */
export function spreadOverHosts(
  trees: readonly Template[],
  hosts: readonly HostShare[],
  owed = new Map<string, number>(),
): Template[] {
  // A host of weight 0 counts as absent: its leaves are placed elsewhere first.
  const usable = hosts.filter(({ weight }) => weight > 0);
  const places = trees.map((tree) => leavesOf(tree).map((leaf) => leaf.host!));
  const widest = Math.max(0, ...places.map((place) => place.length));
  if (widest > usable.length)
    throw new RoostError(
      'InvalidArgument',
      `a tree has ${widest} leaves, for which ${usable.length} hosts of positive weight are too few`,
    );
  const total = places.reduce((sum, place) => sum + place.length, 0);
  const weights = usable.map(({ weight }) => weight);
  const sum = weights.reduce((a, b) => a + b, 0);
  const held = new Map<string, number>();
  for (const name of places.flat()) held.set(name, (held.get(name) ?? 0) + 1);
  // Among hosts with equal claims, the one above its whole share: it needs no copy.
  const above = (host: number): number =>
    Math.max(0, (held.get(usable[host]!.hostname) ?? 0) - Math.floor((total * weights[host]!) / sum));
  const quotas = shareOut(
    total,
    weights,
    () => trees.length,
    (host) => (owed.get(usable[host]!.hostname) ?? 0) + above(host) / (1_000 * (total + 1)),
  );
  for (const [i, { hostname, weight }] of usable.entries())
    owed.set(hostname, (owed.get(hostname) ?? 0) + (total * weight) / sum - quotas[i]!);
  const placed = new Placement(
    places,
    usable.map(({ hostname }) => hostname),
    quotas,
  );
  placed.level();
  return trees.map((tree, i) => (placed.moved(i) ? rehost(tree, places[i]!, placed.of(i)) : tree));
}

/**
 * The host of each leaf of each tree. Hosts are known by their index in the list; others are outside, and are left.
 */
class Placement {
  readonly #hosts: number[][];
  /** Trees with a leaf on each host. */
  readonly #on: Set<number>[];
  readonly #outside: [tree: number, leaf: number][] = [];
  readonly #changed = new Set<number>();

  constructor(
    places: readonly (readonly string[])[],
    private readonly names: readonly string[],
    private readonly quotas: readonly number[],
  ) {
    const index = new Map(names.map((name, i) => [name, i]));
    this.#on = names.map(() => new Set());
    this.#hosts = places.map((place, tree) =>
      place.map((name, leaf) => {
        const host = index.get(name) ?? -1;
        if (host === -1) this.#outside.push([tree, leaf]);
        else this.#on[host]!.add(tree);
        return host;
      }),
    );
  }

  moved(tree: number): boolean {
    return this.#changed.has(tree);
  }

  of(tree: number): string[] {
    return this.#hosts[tree]!.map((host) => this.names[host]!);
  }

  /** Places leaves from outside first, then moves leaves from hosts above their quota to hosts below. */
  level(): void {
    for (const [tree, leaf] of this.#outside) {
      // The emptiest host that the tree may use; any excess is passed on below.
      const host = this.#needy().find((one) => !this.#on[one]!.has(tree)) ?? this.#least(tree);
      this.#put(tree, leaf, host);
    }
    // One host's gift may make room for another's; each gift brings the whole nearer to its quotas, so that this
    // ends.
    for (let given = true; given;) {
      given = false;
      for (let host = 0; host < this.names.length; host++) {
        while (this.#surplus(host) > 0 && this.#giveOne(host)) given = true;
      }
    }
  }

  #surplus(host: number): number {
    return this.#on[host]!.size - this.quotas[host]!;
  }

  /** Hosts below their quota, furthest below first. */
  #needy(): number[] {
    return this.names
      .map((_, host) => host)
      .filter((host) => this.#surplus(host) < 0)
      .sort((a, b) => this.#surplus(a) - this.#surplus(b));
  }

  #least(tree: number): number {
    const free = this.names.map((_, host) => host).filter((host) => !this.#on[host]!.has(tree));
    return free.sort((a, b) => this.#surplus(a) - this.#surplus(b))[0]!;
  }

  /**
   * Moves one leaf off a host, along the shortest chain of hosts that ends at one below its quota. Every link of the
   * chain moves one leaf.
   */
  #giveOne(from: number): boolean {
    const reached = new Map<number, { readonly by: number; readonly tree: number }>();
    const waiting = [from];
    for (const host of waiting) {
      for (let next = 0; next < this.names.length; next++) {
        if (next === from || reached.has(next)) continue;
        const tree = this.#movable(host, next);
        if (tree === undefined) continue;
        reached.set(next, { by: host, tree });
        if (this.#surplus(next) < 0) {
          this.#shift(from, next, reached);
          return true;
        }
        waiting.push(next);
      }
    }
    return false;
  }

  /** A tree with a leaf on one host and none on the other. */
  #movable(from: number, to: number): number | undefined {
    for (const tree of this.#on[from]!) if (!this.#on[to]!.has(tree)) return tree;
    return undefined;
  }

  #shift(from: number, to: number, reached: ReadonlyMap<number, { readonly by: number; readonly tree: number }>): void {
    for (let host = to; host !== from; host = reached.get(host)!.by) {
      const { by, tree } = reached.get(host)!;
      this.#on[by]!.delete(tree);
      this.#put(tree, this.#hosts[tree]!.indexOf(by), host);
    }
  }

  #put(tree: number, leaf: number, host: number): void {
    this.#hosts[tree]![leaf] = host;
    this.#on[host]!.add(tree);
    this.#changed.add(tree);
  }
}

/** The tree with its leaves on other hosts, in the order of its leaves. */
function rehost(tree: Template, before: readonly string[], after: readonly string[]): Template {
  const to = new Map(before.map((name, i) => [name, after[i]!]));
  const visit = (node: Template): Template => ({
    ...node,
    ...(node.host === undefined ? {} : { host: to.get(node.host)! }),
    children: node.children.map(visit),
  });
  return visit(tree);
}

/**
 * Splits a number into whole parts by weight: each share rounded down, and the rest to the largest remainders with
 * their claims added. No part exceeds its bound.
 */
export function shareOut(
  total: number,
  weights: readonly number[],
  boundOf: (part: number) => number = () => Infinity,
  claimOf: (part: number) => number = () => 0,
): number[] {
  for (const weight of weights) checkWeight(weight, () => 'a weight', maxHostWeight);
  const sum = weights.reduce((a, b) => a + b, 0);
  if (!(sum > 0)) throw new RoostError('InvalidArgument', 'at least one weight must be above 0');
  const exact = weights.map((weight) => (total * weight) / sum);
  const parts = exact.map((share, i) => Math.min(boundOf(i), Math.floor(share)));
  let left = total - parts.reduce((a, b) => a + b, 0);
  const order = exact
    .map((share, i) => ({ i, remainder: share - Math.floor(share) + claimOf(i) }))
    .sort((a, b) => b.remainder - a.remainder);
  while (left > 0) {
    const before = left;
    for (const { i } of order) {
      if (left === 0 || weights[i] === 0 || parts[i]! >= boundOf(i)) continue;
      parts[i]!++;
      left--;
    }
    if (left === before) break;
  }
  return parts;
}
