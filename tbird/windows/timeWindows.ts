import { evenRanges, firstIdAt, snowflakeEpochMs, snowflakeTimeMs } from '../../core/index.js';
import { keyHash } from '../../gizzard/index.js';

/** A stretch of time that starts at a multiple of its length since 1970, and the ids that belong to it. The first one starts with id 0. */
export interface TimeWindow {
  readonly startMs: number;
  /** The first millisecond that is not in it. */
  readonly endMs: number;
  readonly firstId: bigint;
  /** The first id that is not in it. */
  readonly endId: bigint;
}

export function windowAt(timeMs: number, windowMs: number): TimeWindow {
  const startMs = Math.floor(Math.max(timeMs, snowflakeEpochMs) / windowMs) * windowMs;
  return { startMs, endMs: startMs + windowMs, firstId: firstIdAt(startMs), endId: firstIdAt(startMs + windowMs) };
}

/** The window that was asked for last. Most reads are of ids from one window, and working it out takes longer than finding its table. */
let last: { readonly windowMs: number; readonly window: TimeWindow } = { windowMs: 1, window: windowAt(0, 1) };

export function windowOf(id: bigint, windowMs: number): TimeWindow {
  if (last.windowMs !== windowMs || id < last.window.firstId || id >= last.window.endId)
    last = { windowMs, window: windowAt(snowflakeTimeMs(id), windowMs) };
  return last.window;
}

const stripeHash = keyHash('fnv1a64');
const hashBits = 60n;

/**
 * The key by which an id is routed: a place in its window's range of ids that a hash spreads evenly. So a stripe is a part of that range with a forwarding of
 * its own, windows may have different numbers of stripes, and the topology alone says which table an id is in.
 */
export function routingKey(id: bigint, windowMs: number): bigint {
  const { firstId, endId } = windowOf(id, windowMs);
  return firstId + (((endId - firstId) * stripeHash.hash(id)) >> hashBits);
}

/** The bases of a window's stripes. */
export const stripeBases = ({ firstId, endId }: TimeWindow, stripes: number): bigint[] =>
  evenRanges(firstId, endId, stripes);
