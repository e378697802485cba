import { RoostError, type Deadline } from '../../core/index.js';
import { requirePayloadVersion, type ClusterJobType, type NewJob } from '../../gizzard/index.js';
import { until } from '../../wire/index.js';
import { writeOf } from '../jobs/timelinePayload.js';
import { firstStep, noStep, type Filling, type TimelineKind } from './timelineKind.js';

export const rebuildJobKind = 'timelines.rebuild';

/** The kinds of timelines that can be rebuilt. Payloads hold an index, so that new kinds are added at the end. */
export const kindNames = ['home', 'user', 'mentions', 'activity'] as const;
export type KindName = (typeof kindNames)[number];
export type TimelineKinds = { readonly [Name in KindName]: Pick<TimelineKind<unknown>, 'prefix' | 'fill'> };

/** A timeline being filled. */
export interface Rebuild {
  readonly kind: KindName;
  readonly userId: bigint;
  /** The steps before this cursor are done. */
  readonly cursor: bigint;
}

/** u8 version · i64 user · i64 cursor · u8 kind, little-endian. Without the last byte it is a home timeline. */
const version = 1;
const bytes = 17;

export function encodeRebuild({ kind, userId, cursor }: Rebuild): Buffer {
  const payload = Buffer.allocUnsafe(kind === 'home' ? bytes : bytes + 1);
  payload.writeUInt8(version, 0);
  payload.writeBigInt64LE(userId, 1);
  payload.writeBigInt64LE(cursor, 9);
  if (kind !== 'home') payload.writeUInt8(kindNames.indexOf(kind), bytes);
  return payload;
}

/** Throws `DataLoss` for bytes that are no such payload, and `UnknownJob` for a later version. */
export function decodeRebuild(payload: Buffer): Rebuild {
  requirePayloadVersion(rebuildJobKind, payload[0], version);
  const kind = payload.length === bytes ? 'home' : kindNames[payload[bytes] ?? -1];
  if (payload.length < bytes || payload.length > bytes + 1 || kind === undefined)
    throw new RoostError('DataLoss', `a rebuild with ${payload.length} bytes cannot be read`);
  return { kind, userId: payload.readBigInt64LE(1), cursor: payload.readBigInt64LE(9) };
}

/** The first step. */
export const newRebuild = (kind: KindName, userId: bigint): NewJob => ({
  kind: rebuildJobKind,
  payload: encodeRebuild({ kind, userId, cursor: firstStep }),
});

/**
 * Fills a timeline with the newest entries of its sources, step by step: each journals the merge of some entries, and
 * the next step. The last merge marks the timeline as complete. Entries delivered meanwhile stay.
 */
export const rebuildJob = (kinds: TimelineKinds, keep: number): ClusterJobType => ({
  kind: rebuildJobKind,
  derived: true,
  check(payload) {
    const { userId } = decodeRebuild(payload);
    if (userId < 0n) throw new RoostError('InvalidArgument', `ids are from 0 to 2^63 − 1, not ${userId}`);
  },
  async run(payload, deadline: Deadline) {
    const { kind: name, userId, cursor } = decodeRebuild(payload);
    const kind = kinds[name];
    const { entries, floor, nextCursor }: Filling = await kind.fill(userId, cursor, keep, until(deadline));
    const op = nextCursor === noStep ? 'complete' : 'fill';
    const merged = writeOf({ op, name: `${kind.prefix}${userId}`, entries, floor });
    if (nextCursor === noStep) return [merged];
    return [merged, { kind: rebuildJobKind, payload: encodeRebuild({ kind: name, userId, cursor: nextCursor }) }];
  },
});
