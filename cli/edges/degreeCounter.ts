import { RoostError } from '../../core/index.js';
import type { EdgeBatch } from './edgeParser.js';

export interface Degrees {
  /** Every id that occurs, in the order of first occurrence. */
  readonly ids: BigInt64Array;
  /** Distinct destinations of ids[i], and distinct sources. */
  readonly outDegrees: Uint32Array;
  readonly inDegrees: Uint32Array;
  /** Edges, without repetitions. */
  readonly edgeCount: number;
}

/** Ids become numbers from 0, so that a pair of them fits a double exactly. */
const maxNodes = 2 ** 26;

/** Counts degrees directly from an edge list, to compare with the database. Holds 8 bytes for each edge. */
export class DegreeCounter {
  readonly #indexes = new Map<bigint, number>();
  readonly #pairs: Float64Array[] = [];

  add({ sourceIds, destinationIds }: Pick<EdgeBatch, 'sourceIds' | 'destinationIds'>): void {
    this.#pairs.push(
      Float64Array.from(sourceIds, (source, i) => this.#index(source) * maxNodes + this.#index(destinationIds[i]!)),
    );
  }

  result(): Degrees {
    const pairs = new Float64Array(this.#pairs.reduce((sum, part) => sum + part.length, 0));
    let filled = 0;
    for (const part of this.#pairs) {
      pairs.set(part, filled);
      filled += part.length;
    }
    pairs.sort();
    const outDegrees = new Uint32Array(this.#indexes.size);
    const inDegrees = new Uint32Array(this.#indexes.size);
    let edgeCount = 0;
    for (let i = 0; i < pairs.length; i += 1) {
      const pair = pairs[i]!;
      if (pair === pairs[i - 1]) continue;
      edgeCount += 1;
      outDegrees[Math.floor(pair / maxNodes)]! += 1;
      inDegrees[pair % maxNodes]! += 1;
    }
    return { ids: BigInt64Array.from(this.#indexes.keys()), outDegrees, inDegrees, edgeCount };
  }

  #index(id: bigint): number {
    const known = this.#indexes.get(id);
    if (known !== undefined) return known;
    const index = this.#indexes.size;
    if (index === maxNodes)
      throw new RoostError('InvalidArgument', `more than ${maxNodes} ids: too many to compare here`);
    this.#indexes.set(id, index);
    return index;
  }
}
