import { rankOf } from './states.js';

/**
 * What mass operations leave on a node (of a graph, in a direction): a colour, which is a last-write-wins register like an edge's state,
 * and the greatest time of a mass removal.
 */
export interface NodeRegisters {
  /** The rank of the colour, and when it was set. */
  readonly colour: number;
  readonly colouredAt: bigint;
  readonly removedThrough: bigint;
}

/** A node that no mass operation has touched. */
export const untouched: NodeRegisters = { colour: rankOf.normal, colouredAt: 0n, removedThrough: -1n };

export const sameRegisters = (a: NodeRegisters, b: NodeRegisters): boolean =>
  a.colour === b.colour && a.colouredAt === b.colouredAt && a.removedThrough === b.removedThrough;

export const isUntouched = (node: NodeRegisters): boolean => sameRegisters(node, untouched);

/** Those of an untouched node are one shared object, by which storage tells it. */
export const oneUntouched = (node: NodeRegisters): NodeRegisters => (isUntouched(node) ? untouched : node);

/** What both know together: of each register the newer, ties to the greater rank. Idempotent, commutative, associative. */
export function mergeNodes(a: NodeRegisters, b: NodeRegisters): NodeRegisters {
  const newer = b.colouredAt > a.colouredAt || (b.colouredAt === a.colouredAt && b.colour > a.colour) ? b : a;
  const removedThrough = a.removedThrough > b.removedThrough ? a.removedThrough : b.removedThrough;
  if (newer === a && removedThrough === a.removedThrough) return a;
  return { colour: newer.colour, colouredAt: newer.colouredAt, removedThrough };
}

/** What a mass operation of that rank at that time writes: removals have a register of their own, so that they are final for the edges before them and only for these. */
export const massOperation = (rank: number, time: bigint): NodeRegisters =>
  rank === rankOf.removed ? { ...untouched, removedThrough: time } : { ...untouched, colour: rank, colouredAt: time };

/**
 * The state that queries see, as a pure function of the edge's own state and of both its nodes; the same from both ends.
 * A mass removal at or after the edge's own time removes it, and nothing but a later write of the edge brings a removed edge back.
 * Otherwise the latest of edge and colours decides, and no edge shows more than the colours of its nodes allow.
 */
export function visibleState(
  own: { readonly ownState: number; readonly updatedAt: bigint },
  a: NodeRegisters,
  b: NodeRegisters,
): number {
  const removedThrough = a.removedThrough > b.removedThrough ? a.removedThrough : b.removedThrough;
  if (own.ownState === rankOf.removed || removedThrough >= own.updatedAt) return rankOf.removed;
  let base = own.ownState;
  let latest = own.updatedAt;
  for (const { colour, colouredAt } of [a, b]) {
    if (colouredAt > latest || (colouredAt === latest && colour > base)) {
      base = colour;
      latest = colouredAt;
    }
  }
  return Math.max(base, a.colour, b.colour);
}
