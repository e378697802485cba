import { Continuum } from './continuum.js';
import { serves, type NodeState } from './nodeState.js';

/** Where a key's entry is. */
export interface KeyPlace {
  readonly node: string;
  /** Part of the entry's name. */
  readonly tag: string;
  /** The node stands in for one that is out: what it gets for it lives only a short time. */
  readonly gutter: boolean;
  /** Where the entry was before its node joined, and may still be; `take`: whether a reader may take it from there. */
  readonly previous?: { readonly node: string; readonly tag: string; readonly take: boolean } | undefined;
}

/**
 * Where every key is, under one state of the register. Processes that know the same state agree on it.
 * Nodes that are out, or gone, keep their points on the circle: their keys alone go elsewhere, under names of their own.
 */
export class Placement {
  readonly #owners: Continuum;
  /** Without the nodes that join. Only where there are any. */
  readonly #before: Continuum | undefined;
  readonly #standIns: Continuum;

  constructor(readonly nodes: ReadonlyMap<string, NodeState>) {
    const weighted = [...nodes].filter(([, { weight }]) => weight > 0);
    const continuum = (of: readonly (readonly [string, NodeState])[], weight?: number): Continuum =>
      new Continuum(new Map(of.map(([name, node]) => [name, weight ?? node.weight])));
    this.#owners = continuum(weighted);
    const settled = weighted.filter(([, { state }]) => !isNew(state));
    this.#before = settled.length === weighted.length ? undefined : continuum(settled);
    const gutter = [...nodes].filter(([, { weight }]) => weight === 0);
    this.#standIns = gutter.length === 0 ? this.#owners : continuum(gutter, 1);
  }

  /** Undefined where no node can hold it. */
  place(key: string): KeyPlace | undefined {
    const owner = this.#owners.owner(key);
    if (owner === undefined) return undefined;
    const { state, epoch } = this.nodes.get(owner)!;
    if (state === 'in') return { node: owner, tag: epoch, gutter: false };
    if (isNew(state))
      return { node: owner, tag: epoch, gutter: false, previous: this.#previous(key, state === 'warming') };
    // The gutter stands in for a while, and is too small for more.
    // The name tells the epoch of every node that was passed over: one that is back for a while and out again has another, and so have the entries of the next.
    const passed = [epoch];
    for (const node of (state === 'gone' ? this.#owners : this.#standIns).order(key)) {
      if (node === owner) continue;
      const standIn = this.nodes.get(node)!;
      passed.push(standIn.epoch);
      if (serves(standIn)) return { node, tag: passed.join('.'), gutter: state === 'out' };
    }
    return undefined;
  }

  #previous(key: string, take: boolean): KeyPlace['previous'] {
    const node = this.#before?.owner(key);
    if (node === undefined) return undefined;
    const { state, epoch } = this.nodes.get(node)!;
    return state === 'in' ? { node, tag: epoch, take } : undefined;
  }
}

const isNew = (state: NodeState['state']): boolean => state === 'joining' || state === 'warming' || state === 'joined';
