import type { Backup, Backups } from './backups.js';
import type { ListedObject } from './destination.js';
import { recordOf } from './dumpRecord.js';
import { placedOf, segmentOf } from './places.js';
import type { Vault } from './vault.js';

export interface PruneRules {
  /** The number of newest whole dumps to keep. Absent: however many the age keeps. */
  readonly keep?: number | undefined;
  /** Dumps that ended later than this time, in microseconds, are kept. Absent: however old. */
  readonly newerThanMicros?: bigint | undefined;
}

export interface PrunePlan {
  readonly kept: readonly Backup[];
  readonly dumps: readonly string[];
  readonly objects: readonly ListedObject[];
}

/**
 * Plans a prune. It removes whole dumps that neither rule keeps, unfinished dumps older than the newest kept dump,
 * and the parts of the journal that only these need. It always keeps the newest dump that can be restored, and every
 * job of an epoch after the oldest kept dump of that epoch.
 */
export function planPrune({ whole, unfinished, objects }: Backups, { keep, newerThanMicros }: PruneRules): PrunePlan {
  const newest = whole.filter(({ untilMicros }) => untilMicros !== undefined).at(-1);
  const kept = whole.filter(
    (backup, place) =>
      backup === newest ||
      (keep !== undefined && place >= whole.length - keep) ||
      (newerThanMicros !== undefined && backup.dump.ended.micros > newerThanMicros),
  );
  const last = kept.at(-1);
  // Nothing can be restored without a dump, and a first dump may be in progress.
  if (last === undefined) return { kept: [], dumps: [], objects: [] };
  const isKept = new Set(kept.map(({ dump }) => dump.id));
  // Ids are in the order in which dumps started. A later dump may be in progress.
  const gone = new Set(
    objects.flatMap(({ name }) => dumpOf(name) ?? []).filter((id) => !isKept.has(id) && id < last.dump.id),
  );
  const open = unfinished.filter(({ id }) => !gone.has(id)).map(({ begun }) => begun);
  /** For each epoch, the place after which jobs are needed. */
  const needed = new Map<string, number>();
  for (const { epoch, accepted } of [...kept.map(({ dump }) => dump.begun), ...open])
    needed.set(epoch, Math.min(accepted, needed.get(epoch) ?? Infinity));
  const catalogs = new Set(kept.map(({ dump }) => dump.catalog));
  const isGone = (object: ListedObject): boolean => {
    const { name } = object;
    const dump = dumpOf(name);
    if (dump !== undefined) return gone.has(dump);
    const segment = segmentOf(object);
    if (segment !== undefined) return isBefore(segment.epoch, segment.last);
    const placed = placedOf('catalogs', object) ?? placedOf('marks', object);
    return placed !== undefined && !catalogs.has(name) && isBefore(placed.epoch, placed.accepted);
  };
  const isBefore = (epoch: string, number: number): boolean => number <= (needed.get(epoch) ?? -1) || !isLive(epoch);
  // The journal may have a newer epoch, with no dump yet.
  const isLive = (epoch: string): boolean => needed.has(epoch) || !whole.some(({ dump }) => dump.begun.epoch === epoch);
  return { kept, dumps: [...gone].sort(), objects: objects.filter(isGone) };
}

const dumpOf = (name: string): string | undefined => /^dumps\/(\w+)\//.exec(name)?.[1];

/** Removes the records of dumps first. A killed prune then leaves no record whose objects are gone. */
export async function prune(vault: Vault, { objects }: PrunePlan, signal: AbortSignal): Promise<void> {
  const isRecord = ({ name }: ListedObject): boolean => recordOf(name) !== undefined;
  for (const { name } of [...objects.filter(isRecord), ...objects.filter((object) => !isRecord(object))]) {
    signal.throwIfAborted();
    await vault.remove(name);
  }
}
