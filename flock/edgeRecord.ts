import { mergeNodes, untouched, type NodeRegisters } from './nodeRegisters.js';

/** The time of a position that no add or negate has set: earlier than any of theirs. An archive or a remove may bring such a position. */
export const neverPositioned = -1n;
/** The position of an edge that was never given one. */
export const unplaced = 0n;

/**
 * What is remembered of an edge, as one of its two rows has it: last-write-wins registers, each with the time at which it was set.
 * A write of an edge has the same shape, so that applying it is a merge.
 */
export interface EdgeRecord {
  /** The table that the row is in: the graph's number forward, negated backward. */
  readonly tableId: number;
  readonly sourceId: bigint;
  readonly destinationId: bigint;
  /** The rank of the edge's own state. What queries see depends on its nodes too: see `visibleState`. */
  ownState: number;
  updatedAt: bigint;
  /** The sort key. */
  position: bigint;
  positionedAt: bigint;
  /** What is known here of the node at the other end, whose own row lies in another shard. */
  peer: NodeRegisters;
}

/**
 * Takes what is newer of `other` into `record`; says whether that changed anything. Each register keeps the greatest (time, value),
 * so that merging is idempotent, commutative and associative, and any order of writes ends the same.
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

/** By source, then destination: the order in which rows are locked. */
export const compareKeys = (a: EdgeRecord, b: EdgeRecord): number =>
  compare(a.sourceId, b.sourceId) || compare(a.destinationId, b.destinationId);

export const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

/** Writes of the same edge folded into one, in the order of the keys. The records given are left as they are. */
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
