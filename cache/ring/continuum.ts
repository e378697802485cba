import { hash } from 'node:crypto';
import HashRing from 'hashring';

/** Points of a node of weight 1, four to a digest, as ketama has them. */
const digestsPerWeight = 40;

/** Where keys belong on a circle of nodes: ketama, as libketama and most clients of memcached have it. */
export class Continuum {
  readonly #ring: HashRing | undefined;
  readonly #size: number;
  /** The library's points in their order, and the node of each. Its own look-up costs several times as much, which every read of every key would pay. */
  readonly #points: Uint32Array;
  readonly #owners: readonly string[];

  /** @param weights the weight of each node: an integer of at least 1 */
  constructor(weights: ReadonlyMap<string, number>) {
    this.#size = weights.size;
    if (weights.size > 0) {
      // Numbers of points of its own for each node, and not shares of a sum, so that a node that comes takes keys and moves none between the others.
      const nodes = Object.fromEntries(
        Array.from(weights, ([name, weight]) => [name, { vnodes: digestsPerWeight * weight, weight: 1 }]),
      );
      // The count of points that a node has by default is one that none of ours has, or the library would take it for a share.
      this.#ring = new HashRing(nodes, (key: string) => hash('md5', key, 'buffer'), {
        'vnode count': 1,
        'max cache size': 1,
      });
    }
    const points =
      this.#ring === undefined
        ? []
        : Object.entries(this.#ring.points([...weights.keys()]) as unknown as Record<string, number[]>).flatMap(
            ([node, values]) => values.map((value) => ({ node, value })),
          );
    // Stable: nodes that share a point stay in the order in which they were named.
    points.sort((a, b) => a.value - b.value);
    this.#points = Uint32Array.from(points, ({ value }) => value);
    this.#owners = points.map(({ node }) => node);
  }

  /** The node of a key; undefined where there are no nodes. */
  owner(key: string): string | undefined {
    if (this.#size <= 1) return this.#owners[0];
    const digest = hash('md5', key, 'binary');
    const value =
      (digest.charCodeAt(3) * 0x1000000 + (digest.charCodeAt(2) << 16)) |
      (digest.charCodeAt(1) << 8) |
      digest.charCodeAt(0);
    return this.#owners[this.#from(value >>> 0)];
  }

  /** All nodes in the order in which they come after the key: whoever is next takes over where one is gone. */
  order(key: string): readonly string[] {
    return this.#ring?.range(key, this.#size) ?? [];
  }

  /** The place of the first point that is not below a value; of the first of all behind the last. */
  #from(value: number): number {
    const points = this.#points;
    let [low, high] = [0, points.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low === points.length ? 0 : low;
  }
}
