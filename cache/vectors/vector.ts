/** Ids in an order of their own: by position, and by id where positions are equal, greatest first. */
export interface Vector {
  readonly ids: BigInt64Array;
  /** Position i belongs to id i. The same array as `ids` where ids are their own positions. */
  readonly positions: BigInt64Array;
  /** Kind i belongs to id i. Undefined where all are 0. */
  readonly kinds?: Uint8Array | undefined;
  /** Whether these are all; otherwise there may be more behind the last one, and none between. */
  readonly complete: boolean;
}

/** What a write did to a vector. */
export interface VectorChange {
  readonly added?: readonly VectorEntry[];
  readonly removed?: readonly bigint[];
  /** Some of it was there already, as when a job comes again: whether the cache heard of it then is not known. */
  readonly repeated?: boolean;
}

export interface VectorEntry {
  readonly id: bigint;
  readonly position: bigint;
  /** Tells entries apart of which a reader may want some only: 0 to 255. Absent: 0. */
  readonly kind?: number;
}

export const emptyVector: Vector = { ids: new BigInt64Array(), positions: new BigInt64Array(), complete: true };

/** The vector of entries in any order. The entry of an id that comes first counts. */
export function vectorOf(entries: readonly VectorEntry[], complete: boolean): Vector {
  const seen = new Set<bigint>();
  const unique = entries.filter(({ id }) => !seen.has(id) && seen.add(id));
  unique.sort((a, b) => (precedes(a, b.id, b.position) ? -1 : 1));
  const ids = BigInt64Array.from(unique, ({ id }) => id);
  const own = unique.every(({ id, position }) => id === position);
  return {
    ids,
    positions: own ? ids : BigInt64Array.from(unique, ({ position }) => position),
    kinds: unique.some(({ kind = 0 }) => kind !== 0) ? Uint8Array.from(unique, ({ kind = 0 }) => kind) : undefined,
    complete,
  };
}

/** Its first `count` entries. */
export function truncate(vector: Vector, count: number): Vector {
  if (vector.ids.length <= count) return vector;
  const ids = vector.ids.slice(0, count);
  return {
    ids,
    positions: vector.positions === vector.ids ? ids : vector.positions.slice(0, count),
    kinds: vector.kinds?.slice(0, count),
    complete: false,
  };
}

/** Whether an entry comes before the one at a position with an id. */
export const precedes = ({ id, position }: VectorEntry, otherId: bigint, otherPosition: bigint): boolean =>
  position === otherPosition ? id > otherId : position > otherPosition;

/** The place of the first entry that comes after one, or is it. */
export function placeOf({ ids, positions }: Vector, entry: VectorEntry): number {
  let [from, to] = [0, ids.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (positions[middle] === entry.position ? ids[middle]! > entry.id : positions[middle]! > entry.position)
      from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Whether an entry stands where this vector says something: not behind the end of one that is cut off. */
export const isWithin = (vector: Vector, entry: VectorEntry): boolean =>
  vector.complete || placeOf(vector, entry) < vector.ids.length;
