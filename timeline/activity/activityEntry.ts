import { composeSnowflake, snowflakeEpochMs, snowflakeTimeMs, type Micros } from '../../core/index.js';
import { activityKinds, type Activity, type ActivityKind } from '../../wire/index.js';
import { flagsOf, fullEntryBytes, keyOf, makeEntry, secondaryKeyOf, type TimelineEntry } from '../entry.js';

/** The offset of the actor's id. */
export const actorAt = fullEntryBytes;
/**
 * The offset of the id of the tweet concerned. The bytes before it say when something happened, those after it what.
 */
export const objectAt = 8;
const bytes = actorAt + 8;

/**
 * An entry of an activity timeline: the activity's id, the tweet concerned (0: the user), the number of its kind, and
 * the actor.
 */
export function activityEntry({ id, kind, actorId, tweetId }: Activity): TimelineEntry {
  const actor = Buffer.allocUnsafe(8);
  actor.writeBigInt64LE(actorId);
  return Buffer.concat([makeEntry(id, tweetId ?? 0n, activityKinds.indexOf(kind) + 1), actor]);
}

/** Undefined for an entry that does not belong to an activity timeline. */
export function readActivityEntry(entry: TimelineEntry): Activity | undefined {
  const kind = activityKinds[flagsOf(entry) - 1];
  if (entry.length !== bytes || kind === undefined) return undefined;
  const tweetId = secondaryKeyOf(entry);
  return {
    id: keyOf(entry),
    kind,
    actorId: entry.readBigInt64LE(actorAt),
    ...(tweetId !== 0n && { tweetId }),
  };
}

/** The last millisecond with Snowflake ids. */
const lastMs = snowflakeEpochMs + 2 ** 41 - 1;

/**
 * The id of an activity that is an edge: a Snowflake id of the edge's position, which is its time, so that it sorts
 * among tweets of that time. The journal gives each edge a microsecond of its own; a hash of the activity
 * distinguishes edges with times of their writers. Undefined for a position that is no time since 2010-11-04.
 */
export function activityIdAt(
  position: Micros,
  kind: ActivityKind,
  actorId: bigint,
  objectId: bigint,
): bigint | undefined {
  const timeMs = position < 0n ? 0 : Number(position / 1_000n);
  if (timeMs < snowflakeEpochMs || timeMs > lastMs) return undefined;
  return composeSnowflake({
    timeMs,
    worker: Number(position % 1_000n),
    sequence: hash12(`${activityKinds.indexOf(kind)} ${actorId} ${objectId}`),
  });
}

/** The smallest activity id of a position. */
export const firstActivityIdAt = (position: Micros): bigint =>
  composeSnowflake({ timeMs: Number(position / 1_000n), worker: Number(position % 1_000n), sequence: 0 });

/** The greatest edge position whose activity has an id below `before`. */
export const lastPositionBefore = (before: bigint | undefined): Micros =>
  before === undefined ? BigInt(lastMs) * 1_000n + 999n : positionOf(before > 0n ? before - 1n : 0n);

/** The least edge position whose activity has an id above `since`. */
export const firstPositionAfter = (since: bigint | undefined): Micros => positionOf(since ?? 0n);

function positionOf(id: bigint): Micros {
  const micros = (id >> 12n) & 1_023n;
  return BigInt(snowflakeTimeMs(id)) * 1_000n + (micros > 999n ? 999n : micros);
}

/** FNV-1a, folded to 12 bits. */
function hash12(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return (hash ^ (hash >>> 12) ^ (hash >>> 24)) & 0xfff;
}
