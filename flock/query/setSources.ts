import type { Deadline } from '../../core/index.js';
import type { IdSource } from './idSource.js';

/** Ids asked of the driving side at once. A few round trips' worth: too small wastes trips, too large reads what the page does not need. */
const minBatch = 64;
const maxBatch = 4_096;

/** The ids of one set that another set keeps or drops: an intersection, or a difference. */
class Filtered implements IdSource {
  constructor(
    private readonly driving: IdSource,
    private readonly other: IdSource,
    private readonly keepWhenInOther: boolean,
    readonly estimate: bigint,
  ) {}

  async next(beyond: bigint | undefined, rising: boolean, limit: number, deadline: Deadline): Promise<bigint[]> {
    const found: bigint[] = [];
    let batch = Math.max(limit, minBatch);
    let from = beyond;
    while (found.length < limit) {
      deadline.check('a compound query');
      const ids = await this.driving.next(from, rising, batch, deadline);
      found.push(...(await this.#keep(ids, deadline)));
      if (ids.length < batch) break;
      from = ids.at(-1);
      batch = Math.min(batch * 2, maxBatch);
    }
    return found.slice(0, limit);
  }

  async probe(ids: readonly bigint[], deadline: Deadline): Promise<Set<bigint>> {
    const inDriving = await this.driving.probe(ids, deadline);
    return new Set(await this.#keep([...inDriving], deadline));
  }

  async #keep(ids: readonly bigint[], deadline: Deadline): Promise<bigint[]> {
    if (ids.length === 0) return [];
    const inOther = await this.other.probe(ids, deadline);
    return ids.filter((id) => inOther.has(id) === this.keepWhenInOther);
  }
}

/** Walks the smaller side and asks the larger. */
export function intersection(a: IdSource, b: IdSource): IdSource {
  const [driving, other] = a.estimate <= b.estimate ? [a, b] : [b, a];
  return new Filtered(driving, other, true, driving.estimate);
}

export const difference = (left: IdSource, right: IdSource): IdSource => new Filtered(left, right, false, left.estimate);

class Union implements IdSource {
  readonly estimate: bigint;

  constructor(private readonly sides: readonly [IdSource, IdSource]) {
    this.estimate = sides[0].estimate + sides[1].estimate;
  }

  async next(beyond: bigint | undefined, rising: boolean, limit: number, deadline: Deadline): Promise<bigint[]> {
    // The first `limit` of the union lie within the first `limit` of each side.
    const sides = await Promise.all(this.sides.map((side) => side.next(beyond, rising, limit, deadline)));
    const ids = [...new Set(sides.flat())].sort((a, b) => (a < b === rising ? -1 : 1));
    return ids.slice(0, limit);
  }

  async probe(ids: readonly bigint[], deadline: Deadline): Promise<Set<bigint>> {
    const sides = await Promise.all(this.sides.map((side) => side.probe(ids, deadline)));
    return new Set(sides.flatMap((side) => [...side]));
  }
}

export const union = (a: IdSource, b: IdSource): IdSource => new Union([a, b]);
