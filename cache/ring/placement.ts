import { Continuum } from './continuum.js';
import { serves, type NodeState } from './nodeState.js';

/** The place of a key's entry. */
export interface KeyPlace {
  readonly node: string;
  /** Part of the entry's name. */
  readonly tag: string;
  /** Whether the node replaces an ejected one; its entries then live only for a short time. */
  readonly gutter: boolean;
  /**
   * The entry's place before its node joined, where it may still be; `take`: whether readers may take it from there.
   */
  readonly previous?: { readonly node: string; readonly tag: string; readonly take: boolean } | undefined;
}

/**
 * The place of every key under one state of the register. Processes that know the same state agree on it. Nodes that
 * are out or gone keep their points on the ring: only their keys move, under names of their own.
 */
export class Placement {
  readonly #owners: Continuum;
  /** The ring without joining nodes; only if there are any. */
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

  /** Undefined if no node can hold it. */
  place(key: string): KeyPlace | undefined {
    const owner = this.#owners.owner(key);
    if (owner === undefined) return undefined;
    const { state, epoch } = this.nodes.get(owner)!;
    if (state === 'in') return { node: owner, tag: epoch, gutter: false };
    if (isNew(state))
      return { node: owner, tag: epoch, gutter: false, previous: this.#previous(key, state === 'warming') };
    // The gutter replaces nodes for a short time, and is too small for more. The name contains the epoch of every
    // skipped node: a node that returns and is ejected again has another one, and so have the next entries.
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
