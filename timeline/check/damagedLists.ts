import { shownFaults, type CheckOptions } from '../../cluster/index.js';
import { Deadline } from '../../core/index.js';
import type { Leaf } from '../../gizzard/index.js';
import { keyOf } from '../entry.js';
import type { TimelineRow } from '../lists/timelineLists.js';
import type { TimelineService } from '../timelineService.js';
import { timelinesTableId } from '../timelineShards.js';
import { keptTimeline } from './keptTimeline.js';
import { stepDeadlineMs, timelineNames } from './timelineNames.js';

/** Replicas of timelines in a state that no write brings about. */
export interface DamagedLists {
  readonly faults: number;
  readonly repaired: number;
  /** One line for each of the first ones, with the timeline's name and the host. */
  readonly found: readonly string[];
}

/**
 * Looks for lists whose entries are not in the order of their keys, or that have a negative key: a bit of a key has
 * flipped in the Redis. A merge with another replica would give both the wrong entry, and repeat the ones behind it.
 * With `repair`, such a list is deleted on its replica if another replica has the timeline whole, or if readers
 * have it rebuilt.
 */
export async function damagedLists(
  { gizzard, timelines }: TimelineService,
  { repair, signal }: CheckOptions,
): Promise<DamagedLists> {
  const found: string[] = [];
  let [faults, repaired] = [0, 0];
  const rowsOn = async (leaf: Leaf, names: readonly string[]): Promise<readonly TimelineRow[]> =>
    timelines.listsAt(leaf, Deadline.after(stepDeadlineMs)).rows(names);
  for (const { leaves } of gizzard.topology.routes(timelinesTableId)) {
    const readable = leaves.filter(({ read }) => read === 'allow');
    for await (const names of timelineNames(timelines, readable, signal)) {
      const rows = await Promise.all(readable.map((leaf) => rowsOn(leaf, names)));
      const whole = new Set(rows.flatMap((some) => some.filter((row) => !isDamaged(row)).map(({ name }) => name)));
      for (const [i, leaf] of readable.entries())
        for (const { name } of rows[i]!.filter(isDamaged)) {
          if (++faults <= shownFaults)
            found.push(`${name} on ${leaf.shard.id.hostname}: its entries are not in order, as after a flipped bit`);
          if (repair !== true || !(whole.has(name) || keptTimeline(name) !== undefined)) continue;
          await timelines.listsAt(leaf, Deadline.after(stepDeadlineMs)).delete(name);
          repaired++;
        }
    }
  }
  return { faults, repaired, found };
}

function isDamaged({ stored }: TimelineRow): boolean {
  let last = 0n;
  return stored.some((entry) => {
    const before = last;
    last = keyOf(entry);
    return last < before;
  });
}
