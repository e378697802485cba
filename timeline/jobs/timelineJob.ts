import { randomInt } from 'node:crypto';
import { chunks, limits, RoostError } from '../../core/index.js';
import type { FollowUp, JobType } from '../../gizzard/index.js';
import type { RedisHost } from '../../redis/index.js';
import { authorAt, authorOf, checkEntry, keyOf } from '../entry.js';
import type { DeliveryCosts } from '../home/deliveryCosts.js';
import { followsChanged } from '../home/followPayload.js';
import type { ListLimits, TimelineLists } from '../lists/timelineLists.js';
import { checkName, longestName, routingKeyOf } from '../names.js';
import { listsOf, timelinesTableId } from '../timelineShards.js';
import { timelineSpaces } from '../timelinesShardType.js';
import { lookAgain } from './secondLook.js';
import {
  decodeTimelineWrite,
  timelineJobKind,
  type DeliveryWrite,
  type SecondLook,
  type TimelineWrite,
} from './timelinePayload.js';

/** The part of a write for one shard. */
interface Item {
  readonly write: TimelineWrite;
  /** For a write to many timelines: the id of one. */
  readonly id?: bigint;
}

/** Pushes of one entry to many timelines reach each leaf as one call. */
const itemsAtOnce = 4_000;
const maxToken = 2 ** 32;
/** Fills in one job. Each reads an author's tweets. */
const fillsPerJob = 200;

/** Writes to timelines. */
export function timelineJob(cluster: string, listLimits: ListLimits, costs: DeliveryCosts): JobType<Item, RedisHost> {
  const spaces = timelineSpaces(cluster);
  return {
    kind: timelineJobKind,
    derived: true,
    itemsAtOnce,
    split(payload, add) {
      const write = decodeTimelineWrite(payload);
      if ('ids' in write)
        for (const id of write.ids) add(timelinesTableId, routingKeyOf(`${write.prefix}${id}`), { write, id });
      else add(timelinesTableId, routingKeyOf(write.name), { write });
    },
    check(payload) {
      const write = decodeTimelineWrite(payload);
      checkName('prefix' in write ? longestName(write.prefix) : write.name);
      const entries = 'entries' in write ? write.entries : 'entry' in write ? [write.entry] : [];
      for (const entry of entries) checkEntry(entry, limits.timelineEntryBytes);
      const count = 'ids' in write ? write.ids.length : entries.length;
      if (count > limits.idsPerCall)
        throw new RoostError(
          'InvalidArgument',
          `a job holds at most ${limits.idsPerCall} timelines or entries, not ${count}`,
        );
    },
    async apply(host, leaf, items, deadline) {
      const lists = listsOf(spaces, listLimits, host, leaf, deadline);
      // In the order of the jobs: one connection executes the steps in sequence.
      const done = await Promise.all(grouped(items).map(([write, ids]) => applyOne(lists, write, ids, costs)));
      return done.flat();
    },
  };
}

/** Groups adjacent items of one write. */
function grouped(items: readonly Item[]): (readonly [TimelineWrite, readonly bigint[]])[] {
  const groups: (readonly [TimelineWrite, bigint[]])[] = [];
  for (const { write, id } of items) {
    const last = groups.at(-1);
    if (last?.[0] === write && id !== undefined) last[1].push(id);
    else groups.push([write, id === undefined ? [] : [id]]);
  }
  return groups;
}

async function applyOne(
  lists: TimelineLists,
  write: TimelineWrite,
  ids: readonly bigint[],
  costs: DeliveryCosts,
): Promise<readonly FollowUp[]> {
  switch (write.op) {
    case 'deliver':
    case 'restore':
      return deliver(lists, write, ids, costs);
    case 'retract': {
      const { there } = await lists.remove(write.entry, write.prefix, ids);
      return there === 0 ? [] : [lookAgain(write, ids)];
    }
    case 'withdraw': {
      const taken = await lists.withdraw(write.name, write.at, write.bytes);
      return taken === undefined ? [] : looking(write.again);
    }
    case 'supersede': {
      const taken = await lists.supersede(write.name, write.at, write.entry);
      return (taken ?? 0) === 0 ? [] : looking(write.again);
    }
    case 'push':
    case 'remove':
      await lists[write.op](write.entry, write.prefix, ids);
      return [];
    case 'store':
      await lists.store(write.name, write.entries);
      return [];
    case 'merge':
      await lists.merge(write.name, write.entries);
      return [];
    case 'fill':
    case 'complete':
      await lists.merge(write.name, write.entries, {
        floor: write.floor,
        ...(write.op === 'complete' && { through: 'all' }),
      });
      return [];
    case 'settle': {
      const { author, token } = write;
      await lists.merge(write.name, write.entries, { floor: write.floor, settles: { author, token } });
      return [];
    }
    case 'posted':
      await lists.posted(write.name, write.terms);
      return [];
    case 'unmerge':
      await lists.unmerge(write.name, write.entries.map(keyOf));
      return [];
    case 'delete':
    case 'begin':
      await lists[write.op](write.name);
      return [];
  }
}

const looking = (again: SecondLook | undefined): FollowUp[] =>
  again === undefined ? [] : [{ ...again, priority: 'medium' }];

/**
 * Readers whose timelines are to take the author in again get a fill. Each replica has its own, for what that replica
 * has left out.
 */
async function deliver(
  lists: TimelineLists,
  { op, entry, prefix, least }: DeliveryWrite,
  ids: readonly bigint[],
  costs: DeliveryCosts,
): Promise<readonly FollowUp[]> {
  const terms = { at: authorAt, least, token: randomInt(1, maxToken), revive: op === 'restore' };
  const { fills } = await costs.pushing(() => lists.deliver(entry, prefix, ids, terms));
  if (op === 'deliver') costs.delivered(keyOf(entry));
  const authorId = authorOf(entry);
  if (fills.length === 0 || authorId === undefined) return [];
  return Array.from(chunks(fills, fillsPerJob), (some) =>
    followsChanged(some.map(({ id, token }) => ({ readerId: id, authorId, token }))),
  );
}
