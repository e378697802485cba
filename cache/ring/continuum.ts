import { hash } from 'node:crypto';
import HashRing from 'hashring';

/** Points of a node of weight 1, four per digest, as in ketama. */
const digestsPerWeight = 40;

/** Places keys on a ring of nodes: ketama, as libketama and most memcached clients do it. */
export class Continuum {
  readonly #ring: HashRing | undefined;
  readonly #size: number;
  /**
   * The library's points in order, with their nodes. Its own lookup costs several times as much, for every key of
   * every read.
   */
  readonly #points: Uint32Array;
  readonly #owners: readonly string[];

  /** @param weights integers of at least 1, by node */
  constructor(weights: ReadonlyMap<string, number>) {
    this.#size = weights.size;
    if (weights.size > 0) {
      // A count of points per node rather than a share of a sum: a new node takes keys, and moves none between the
      // others.
      const nodes = Object.fromEntries(
        Array.from(weights, ([name, weight]) => [name, { vnodes: digestsPerWeight * weight, weight: 1 }]),
      );
      // The library's default count must differ from every count here, or it would treat the count as a share.
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
    // Stable: nodes that share a point keep the order of their names.
    points.sort((a, b) => a.value - b.value);
    this.#points = Uint32Array.from(points, ({ value }) => value);
    this.#owners = points.map(({ node }) => node);
  }

  /** The node of a key; undefined without nodes. */
  owner(key: string): string | undefined {
    if (this.#size <= 1) return this.#owners[0];
    const digest = hash('md5', key, 'binary');
    const value =
      (digest.charCodeAt(3) * 0x1000000 + (digest.charCodeAt(2) << 16)) |
      (digest.charCodeAt(1) << 8) |
      digest.charCodeAt(0);
    return this.#owners[this.#from(value >>> 0)];
  }

  /** All nodes in ring order from the key on: each takes over from the one before if that is gone. */
  order(key: string): readonly string[] {
    return this.#ring?.range(key, this.#size) ?? [];
  }

  /** The index of the first point at or after a value; past the last point, that of the first. */
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
