import { rankOf } from './states.js';

/**
 * What mass operations leave on a node (of a graph, in a direction): a color, which is a last-write-wins register like an edge's state,
 * and the greatest time of a mass removal.
 */
export interface NodeRegisters {
  /** The rank of the color, and when it was set. */
  readonly color: number;
  readonly coloredAt: bigint;
  readonly removedThrough: bigint;
}

/** A node that no mass operation has touched. */
export const untouched: NodeRegisters = { color: rankOf.normal, coloredAt: 0n, removedThrough: -1n };

export const sameRegisters = (a: NodeRegisters, b: NodeRegisters): boolean =>
  a.color === b.color && a.coloredAt === b.coloredAt && a.removedThrough === b.removedThrough;

export const isUntouched = (node: NodeRegisters): boolean => sameRegisters(node, untouched);

/** Those of an untouched node are one shared object, by which storage tells it. */
export const oneUntouched = (node: NodeRegisters): NodeRegisters => (isUntouched(node) ? untouched : node);

/** What both know together: of each register the newer, ties to the greater rank. Idempotent, commutative, associative. */
export function mergeNodes(a: NodeRegisters, b: NodeRegisters): NodeRegisters {
  const newer = b.coloredAt > a.coloredAt || (b.coloredAt === a.coloredAt && b.color > a.color) ? b : a;
  const removedThrough = a.removedThrough > b.removedThrough ? a.removedThrough : b.removedThrough;
  if (newer === a && removedThrough === a.removedThrough) return a;
  return { color: newer.color, coloredAt: newer.coloredAt, removedThrough };
}

/** What a mass operation of that rank at that time writes: removals have a register of their own, so that they are final for the edges before them and only for these. */
export const massOperation = (rank: number, time: bigint): NodeRegisters =>
  rank === rankOf.removed ? { ...untouched, removedThrough: time } : { ...untouched, color: rank, coloredAt: time };

/**
 * The state that queries see, as a pure function of the edge's own state and of both its nodes; the same from both ends.
 * A mass removal at or after the edge's own time removes it, and nothing but a later write of the edge brings a removed edge back.
 * Otherwise the latest of edge and colors decides, and no edge shows more than the colors of its nodes allow.
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
  for (const { color, coloredAt } of [a, b]) {
    if (coloredAt > latest || (coloredAt === latest && color > base)) {
      base = color;
      latest = coloredAt;
    }
  }
  return Math.max(base, a.color, b.color);
}
