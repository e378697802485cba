/** Ids in an order of their own: by position, and by id where positions are equal, greatest first. */
export interface Vector {
  readonly ids: BigInt64Array;
  /** Position i belongs to id i. The same array as `ids` where ids are their own positions. */
  readonly positions: BigInt64Array;
  /** Whether these are all; otherwise there may be more behind the last one, and none between. */
  readonly complete: boolean;
}

/** What a write did to a vector. */
export interface VectorChange {
  /** Without positions the ids are their own. */
  readonly added?: readonly VectorEntry[];
  readonly removed?: readonly bigint[];
}

export interface VectorEntry {
  readonly id: bigint;
  readonly position: bigint;
}

export const emptyVector: Vector = { ids: new BigInt64Array(), positions: new BigInt64Array(), complete: true };

/** The vector of entries in any order. The entry of an id that comes first counts. */
export function vectorOf(entries: readonly VectorEntry[], complete: boolean): Vector {
  const seen = new Set<bigint>();
  const unique = entries.filter(({ id }) => !seen.has(id) && seen.add(id));
  unique.sort((a, b) => (a.position === b.position ? compare(b.id, a.id) : compare(b.position, a.position)));
  const ids = BigInt64Array.from(unique, ({ id }) => id);
  const own = unique.every(({ id, position }) => id === position);
  return { ids, positions: own ? ids : BigInt64Array.from(unique, ({ position }) => position), complete };
}

/** Its first `count` entries. */
export function truncate(vector: Vector, count: number): Vector {
  if (vector.ids.length <= count) return vector;
  const ids = vector.ids.slice(0, count);
  return { ids, positions: vector.positions === vector.ids ? ids : vector.positions.slice(0, count), complete: false };
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
