import { mergeNodes, untouched, type NodeRegisters } from './nodeRegisters.js';

/**
 * The time of a position that no add or negate has set: earlier than any of theirs. Archives and removes may bring
 * such a position.
 */
export const neverPositioned = -1n;
/** The position of an edge that was never given one. */
export const unplaced = 0n;

/**
 * An edge as one of its two rows records it: last-write-wins registers, each with its time. A write has the same
 * shape, so that applying it is a merge.
 */
export interface EdgeRecord {
  /** The row's table: the graph's number, negated for backward. */
  readonly tableId: number;
  readonly sourceId: bigint;
  readonly destinationId: bigint;
  /** The rank of the edge's own state. Its nodes also determine what queries see: see `visibleState`. */
  ownState: number;
  updatedAt: bigint;
  /** The sort key. */
  position: bigint;
  positionedAt: bigint;
  /** The registers of the node at the other end, whose own row is in another shard. */
  peer: NodeRegisters;
}

/**
 * Merges `other` into `record`; returns whether anything changed. Each register keeps the greatest (time, value):
 * merging is idempotent, commutative and associative, so that any order of writes ends the same.
 */
export function mergeInto(record: EdgeRecord, other: EdgeRecord): boolean {
  let changed = false;
  if (
    other.updatedAt > record.updatedAt ||
    (other.updatedAt === record.updatedAt && other.ownState > record.ownState)
  ) {
    record.ownState = other.ownState;
    record.updatedAt = other.updatedAt;
    changed = true;
  }
  if (
    other.positionedAt > record.positionedAt ||
    (other.positionedAt === record.positionedAt && other.position > record.position)
  ) {
    record.position = other.position;
    record.positionedAt = other.positionedAt;
    changed = true;
  }
  if (other.peer !== untouched) {
    const peer = mergeNodes(record.peer, other.peer);
    changed ||= peer !== record.peer;
    record.peer = peer;
  }
  return changed;
}

/** By source, then destination: the order of row locks. */
export const compareKeys = (a: EdgeRecord, b: EdgeRecord): number =>
  compare(a.sourceId, b.sourceId) || compare(a.destinationId, b.destinationId);

export const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

/** Folds writes of the same edge into one, in key order. Does not change its arguments. */
export function foldWrites(writes: readonly EdgeRecord[]): EdgeRecord[] {
  const folded: EdgeRecord[] = [];
  let last: EdgeRecord | undefined;
  for (const write of [...writes].sort(compareKeys)) {
    if (last !== undefined && last.sourceId === write.sourceId && last.destinationId === write.destinationId) {
      mergeInto(last, write);
    } else {
      last = { ...write };
      folded.push(last);
    }
  }
  return folded;
}
