import { rankOf } from './states.js';

/**
 * The registers that mass operations leave on a node of a graph in one direction: a color, which is last-write-wins
 * like an edge's state, and the greatest time of a mass removal.
 */
export interface NodeRegisters {
  /** The rank of the color, and its time. */
  readonly color: number;
  readonly coloredAt: bigint;
  readonly removedThrough: bigint;
}

/** A node that no mass operation has touched. */
export const untouched: NodeRegisters = { color: rankOf.normal, coloredAt: 0n, removedThrough: -1n };

export const sameRegisters = (a: NodeRegisters, b: NodeRegisters): boolean =>
  a.color === b.color && a.coloredAt === b.coloredAt && a.removedThrough === b.removedThrough;

export const isUntouched = (node: NodeRegisters): boolean => sameRegisters(node, untouched);

/**
 * Returns the shared object for an untouched node, which storage recognizes by identity. Registers below its, which
 * only a flipped bit brings about, count as its.
 */
export function oneUntouched(node: NodeRegisters): NodeRegisters {
  if (node.coloredAt < untouched.coloredAt || node.removedThrough < untouched.removedThrough)
    return mergeNodes(untouched, node);
  return isUntouched(node) ? untouched : node;
}

/** Merges two nodes' registers: the newer of each, ties to the greater rank. Idempotent, commutative, associative. */
export function mergeNodes(a: NodeRegisters, b: NodeRegisters): NodeRegisters {
  const newer = b.coloredAt > a.coloredAt || (b.coloredAt === a.coloredAt && b.color > a.color) ? b : a;
  const removedThrough = a.removedThrough > b.removedThrough ? a.removedThrough : b.removedThrough;
  if (newer === a && removedThrough === a.removedThrough) return a;
  return { color: newer.color, coloredAt: newer.coloredAt, removedThrough };
}

/**
 * The registers that a mass operation writes. Removals have their own register: they are final for earlier edges, and
 * only for these.
 */
export const massOperation = (rank: number, time: bigint): NodeRegisters =>
  rank === rankOf.removed ? { ...untouched, removedThrough: time } : { ...untouched, color: rank, coloredAt: time };

/**
 * The state that queries see: a pure function of the edge's own state and both nodes' registers, equal from both
 * ends. A mass removal at or after the edge's own time removes it, and only a later write of the edge brings it back.
 * Otherwise the latest of edge and colors decides, and no edge shows more than its nodes' colors allow.
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
