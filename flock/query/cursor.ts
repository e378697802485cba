import { minInt64, RoostError } from '../../core/index.js';

/*
 * A cursor is one signed 64-bit integer, as FlockDB's clients expect: −1 starts, 0 ends, a negative one pages backwards from its magnitude.
 *
 * By position, the magnitude is the position of the entry at the page's edge, which that page holds and the next one does not. Where that
 * would be ambiguous (entries of equal position on both sides of the edge, or a position that is no plain magnitude) it names the entry
 * by its id, with bit 62 set; its position is then looked up again.
 */
export const startCursor = -1n;
export const endCursor = 0n;

const byIdFlag = 2n ** 62n;
/** 0 and 1, negated, have other meanings. */
const leastPlain = 2n;

/** The start of a page by position: after a whole position, or after one entry. */
export type PositionEdge = { readonly position: bigint } | { readonly id: bigint };

export interface PositionCursor {
  readonly backwards: boolean;
  /** Undefined at the start. */
  readonly edge: PositionEdge | undefined;
}

export function decodePositionCursor(cursor: bigint): PositionCursor {
  if (cursor === startCursor) return { backwards: false, edge: undefined };
  const backwards = cursor < 0n;
  const magnitude = checkedMagnitude(cursor);
  return { backwards, edge: magnitude >= byIdFlag ? { id: magnitude - byIdFlag } : { position: magnitude } };
}

export interface PositionedEntry {
  readonly id: bigint;
  readonly position: bigint;
}

/** The cursor at an entry, pointing to its neighbor across the edge. */
export function encodePositionCursor(
  entry: PositionedEntry,
  neighbor: PositionedEntry | undefined,
  backwards: boolean,
): bigint {
  const plain = entry.position >= leastPlain && entry.position < byIdFlag && entry.position !== neighbor?.position;
  if (!plain && entry.id >= byIdFlag) {
    throw new RoostError(
      'FailedPrecondition',
      `a page cannot end at id ${entry.id}: entries with equal positions and ids of 2^62 or more cannot be paged by position`,
    );
  }
  const magnitude = plain ? entry.position : byIdFlag + entry.id;
  return backwards ? -magnitude : magnitude;
}

export interface IdCursor {
  readonly backwards: boolean;
  /** Undefined at the start; otherwise the id next to the page. */
  readonly id: bigint | undefined;
}

/**
 * By id, the magnitude is the id itself. Backwards from 1 and 0 would read as a start and an end; they are encoded as
 * −2^63 and −(2^63 − 1), which no page needs.
 */
const backFromOne = minInt64;
const backFromZero = minInt64 + 1n;

export function decodeIdCursor(cursor: bigint): IdCursor {
  if (cursor === startCursor) return { backwards: false, id: undefined };
  if (cursor === backFromOne) return { backwards: true, id: 1n };
  if (cursor === backFromZero) return { backwards: true, id: 0n };
  return { backwards: cursor < 0n, id: checkedMagnitude(cursor) };
}

export function encodeIdCursor(id: bigint, backwards: boolean): bigint {
  if (!backwards) return id;
  return id === 0n ? backFromZero : id === 1n ? backFromOne : -id;
}

function checkedMagnitude(cursor: bigint): bigint {
  if (cursor === endCursor)
    throw new RoostError(
      'InvalidArgument',
      'cursor 0 is the end: there is no page behind it; −1 starts from the beginning',
    );
  if (cursor === minInt64) throw new RoostError('InvalidArgument', `${cursor} is not a cursor of this query`);
  return cursor < 0n ? -cursor : cursor;
}
