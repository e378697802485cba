import { RoostError } from '../core/index.js';
import { readBegun, readWhole, recordOf, type DumpBegun, type WholeDump } from './dumpRecord.js';
import { placedOf, segmentOf, timeText, type PlacedObject, type JournalSegment } from './places.js';
import type { ListedObject } from './destination.js';
import type { Vault } from './vault.js';

/** A whole dump, and the moments that it can restore. */
export interface Backup {
  readonly dump: WholeDump;
  /** The object that describes it. */
  readonly name: string;
  /** The size of the dump's own objects. */
  readonly bytes: number;
  /** The first missing jobs after the dump, by number; undefined if none is missing, as far as segments go. */
  readonly gap: { readonly from: number; readonly to: number } | undefined;
  /**
   * The latest moment that can be restored, in microseconds; undefined if the dump's own jobs have a gap, so that it
   * cannot be restored.
   */
  readonly untilMicros: bigint | undefined;
}

/** All that a destination has of a cluster. */
export interface Backups {
  /** Whole dumps, the oldest first. */
  readonly whole: readonly Backup[];
  /** Dumps that were started and are not whole. */
  readonly unfinished: readonly DumpBegun[];
  /** In the order of their first jobs. */
  readonly segments: readonly JournalSegment[];
  /** In the order of their places. */
  readonly catalogs: readonly PlacedObject[];
  readonly marks: readonly PlacedObject[];
  readonly objects: readonly ListedObject[];
}

export async function listBackups(vault: Vault): Promise<Backups> {
  const objects = await vault.list();
  const segments = objects.flatMap((object) => segmentOf(object) ?? []);
  const marks = objects.flatMap((object) => placedOf('marks', object) ?? []);
  const records = objects.flatMap(({ name }) => {
    const record = recordOf(name);
    return record === undefined ? [] : [{ ...record, name }];
  });
  const whole: Backup[] = [];
  for (const { id, what, name } of records) {
    if (what !== 'whole') continue;
    const dump = await readWhole(vault, name);
    const own = objects.filter((object) => object.name.startsWith(`dumps/${id}/`));
    const bytes = own.reduce((sum, object) => sum + object.bytes, 0);
    whole.push({ dump, name, bytes, ...reachOf(dump, segments, marks) });
  }
  const isWhole = new Set(whole.map(({ dump }) => dump.id));
  const unfinished: DumpBegun[] = [];
  for (const { id, what, name } of records)
    if (what === 'begun' && !isWhole.has(id)) unfinished.push(await readBegun(vault, name));
  const catalogs = objects.flatMap((object) => placedOf('catalogs', object) ?? []);
  return { whole, unfinished, segments, catalogs, marks, objects };
}

/** The segments of an epoch from job number `first` up to the first gap, in order. */
export function segmentsFrom(
  segments: readonly JournalSegment[],
  epoch: string,
  first: number,
): readonly JournalSegment[] {
  const chain: JournalSegment[] = [];
  let next = first;
  for (const segment of segments) {
    if (segment.epoch !== epoch || segment.last < next) continue;
    if (segment.first > next) break;
    chain.push(segment);
    next = segment.last + 1;
  }
  return chain;
}

/** How far a dump can be restored with these segments, which are in the order of their jobs. */
export function reachOf(
  { begun, ended }: WholeDump,
  segments: readonly JournalSegment[],
  marks: readonly PlacedObject[],
): Pick<Backup, 'gap' | 'untilMicros'> {
  const chain = segmentsFrom(segments, begun.epoch, begun.accepted + 1);
  const through = chain.at(-1)?.last ?? begun.accepted;
  const next = segments.find(({ epoch, first }) => epoch === begun.epoch && first > through);
  // A mark can report jobs after the last segment.
  const noted = marks.filter(({ epoch }) => epoch === begun.epoch).map(({ accepted }) => accepted);
  const known = Math.max(ended.accepted, ...noted);
  const to = next === undefined ? known : next.first - 1;
  const gap = to > through ? { from: through + 1, to } : undefined;
  if (through < ended.accepted) return { gap, untilMicros: undefined };
  const moments = [
    ended.micros,
    ...chain.map(({ untilMicros }) => untilMicros),
    ...marks
      .filter(({ epoch, accepted }) => epoch === begun.epoch && accepted >= begun.accepted && accepted <= through)
      .map(({ micros }) => micros),
  ];
  return { gap, untilMicros: moments.reduce((a, b) => (a > b ? a : b)) };
}

/**
 * The newest backup that can be restored to a moment, or to its own latest moment if none is given. Throws
 * `NotFound`, naming the moments that can be restored, if there is no such backup.
 *
 * @param id of the dump; absent: the newest that can
 */
export function chooseBackup(vault: Vault, { whole }: Backups, atMicros?: bigint, id?: string): Backup {
  const candidates = whole.filter(({ dump }) => id === undefined || dump.id === id);
  const found = candidates
    .filter(
      ({ dump, untilMicros }) =>
        untilMicros !== undefined &&
        (atMicros === undefined || (dump.ended.micros <= atMicros && atMicros <= untilMicros)),
    )
    .at(-1);
  if (found !== undefined) return found;
  const moments = candidates.map(({ dump, untilMicros }) =>
    untilMicros === undefined
      ? `${dump.id}: none, as jobs of the journal are missing`
      : `${dump.id}: from ${timeText(dump.ended.micros)} to ${timeText(untilMicros)}`,
  );
  throw new RoostError(
    'NotFound',
    candidates.length === 0
      ? `there is no whole dump${id === undefined ? '' : ` ${id}`} of cluster ${vault.cluster} in ${vault.url}`
      : `${atMicros === undefined ? 'nothing' : timeText(atMicros)} can be restored; moments of each dump are ${moments.join('; ')}`,
    { fields: { to: vault.url } },
  );
}
