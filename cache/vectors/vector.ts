/** Ids ordered by position, and by id at equal positions, greatest first. */
export interface Vector {
  readonly ids: BigInt64Array;
  /** Position i belongs to id i. The same array as `ids` if ids are their own positions. */
  readonly positions: BigInt64Array;
  /** Kind i belongs to id i. Undefined if all are 0. */
  readonly kinds?: Uint8Array | undefined;
  /** Whether this is the whole list; otherwise more may follow the last entry, and none is missing before it. */
  readonly complete: boolean;
}

/** The effect of a write on a vector. */
export interface VectorChange {
  readonly added?: readonly VectorEntry[];
  readonly removed?: readonly bigint[];
  /** Whether parts were there already, as when a job is repeated: the cache may or may not know them. */
  readonly repeated?: boolean;
}

export interface VectorEntry {
  readonly id: bigint;
  readonly position: bigint;
  /** Distinguishes entries that readers may want separately: 0 to 255. Absent: 0. */
  readonly kind?: number;
}

export const emptyVector: Vector = { ids: new BigInt64Array(), positions: new BigInt64Array(), complete: true };

/** The vector of entries in any order. Of several entries with one id the first counts. */
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

/** The first `count` entries of a vector. */
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

/** Whether an entry precedes a position with an id. */
export const precedes = ({ id, position }: VectorEntry, otherId: bigint, otherPosition: bigint): boolean =>
  position === otherPosition ? id > otherId : position > otherPosition;

/** The index of the first entry at or after the given one. */
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

/** Whether the vector covers an entry's place: not past the end of a truncated one. */
export const isWithin = (vector: Vector, entry: VectorEntry): boolean =>
  vector.complete || placeOf(vector, entry) < vector.ids.length;
