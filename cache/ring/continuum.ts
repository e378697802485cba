import { hash } from 'node:crypto';
import HashRing from 'hashring';

/** Points of a node of weight 1, four to a digest, as ketama has them. */
const digestsPerWeight = 40;

/** Where keys belong on a circle of nodes: ketama, as libketama and most clients of memcached have it. */
export class Continuum {
  readonly #ring: HashRing | undefined;
  readonly #size: number;

  /** @param weights the weight of each node: an integer of at least 1 */
  constructor(weights: ReadonlyMap<string, number>) {
    this.#size = weights.size;
    if (weights.size === 0) return;
    // Numbers of points of its own for each node, and not shares of a sum, so that a node that comes takes keys and moves none between the others.
    const nodes = Object.fromEntries(Array.from(weights, ([name, weight]) => [name, { vnodes: digestsPerWeight * weight, weight: 1 }]));
    // The count of points that a node has by default is one that none of ours has, or the library would take it for a share.
    this.#ring = new HashRing(nodes, (key: string) => hash('md5', key, 'buffer'), { 'vnode count': 1, 'max cache size': 1 });
  }

  /** The node of a key; undefined where there are no nodes. */
  owner(key: string): string | undefined {
    return this.#ring?.get(key);
  }

  /** All nodes in the order in which they come after the key: whoever is next takes over where one is gone. */
  order(key: string): readonly string[] {
    return this.#ring?.range(key, this.#size) ?? [];
  }
}
