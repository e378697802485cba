import {
  checkReplicas,
  lookUntilSure,
  shownFaults,
  type CheckOptions,
  type CheckReport,
  type Suspected,
} from '../../cluster/index.js';
import { Deadline, inParallel } from '../../core/index.js';
import type { Leaf } from '../../gizzard/index.js';
import { PageTweets } from '../pages/pageTweets.js';
import type { KindName } from '../pages/rebuildJob.js';
import type { TimelineKind } from '../pages/timelineKind.js';
import type { TimelineService } from '../timelineService.js';
import { timelinesTableId } from '../timelineShards.js';
import { timelinesShardTypeName } from '../timelinesShardType.js';
import { compareRow } from './compareRow.js';
import { damagedLists } from './damagedLists.js';
import { keptTimeline } from './keptTimeline.js';
import { timelineMerge } from './timelineMerge.js';
import { stepDeadlineMs, timelineNames } from './timelineNames.js';

/** Timelines merged concurrently. */
const timelinesAtOnce = 8;

/** A kept timeline, with its user and kind. */
interface KeptTimeline {
  readonly name: string;
  readonly kind: KindName;
  readonly userId: bigint;
  readonly leaves: readonly Leaf[];
}

/** An entry that one replica lacks, or holds with a wrong value. */
interface Fault extends Suspected<KeptTimeline> {
  readonly line: string;
}

interface Looked {
  readonly isBeingRebuilt: boolean;
  readonly hidden: number;
  readonly faults: readonly Fault[];
}

/**
 * Compares every replica of every timeline with the merge of its sources, and the replicas with one another, during
 * writes. With `repair`, damaged lists are deleted, and servers merge differing replicas and rebuild timelines with
 * missing or wrong entries.
 * Timelines of other names, which Haplocheirus's clients fill, have no source to compare with.
 */
export async function checkTimelines(service: TimelineService, options: CheckOptions = {}): Promise<CheckReport> {
  const { gizzard } = service;
  await gizzard.nameServer.reload();
  if (!gizzard.topology.covers(timelinesTableId))
    return { looked: 'no timelines are set up', faults: 0, repaired: 0, found: [], remedies: [] };
  // First: a repair of the replicas would merge damaged lists into whole ones.
  const damaged = await damagedLists(service, options);
  const replicas = await checkReplicas(gizzard, [timelinesShardTypeName], options);
  const { lists, incomplete, hidden, faults, uncertain, repaired } = await new TimelineCheck(service, options).run();
  const notes = [
    `${lists} timelines beside their sources, ${replicas.looked}`,
    ...(incomplete > 0 ? [`${incomplete} are being rebuilt`] : []),
    ...(hidden > 0 ? [`${hidden} entries that no reader sees any more`] : []),
    ...(uncertain > 0 ? [`${uncertain} uncertain while jobs are failing`] : []),
  ];
  return {
    looked: notes.join(', '),
    faults: damaged.faults + replicas.faults + faults.length,
    repaired: damaged.repaired + replicas.repaired + repaired,
    found: [...damaged.found, ...replicas.found, ...faults.map(({ line }) => line)].slice(0, shownFaults),
    remedies: replicas.remedies,
  };
}

class TimelineCheck {
  #lists = 0;
  #incomplete = 0;
  #hidden = 0;
  #uncertain = 0;
  #repaired = 0;
  readonly #faults: Fault[] = [];

  constructor(
    private readonly service: TimelineService,
    private readonly options: CheckOptions,
  ) {}

  async run() {
    const { topology } = this.service.gizzard;
    for (const { leaves } of topology.routes(timelinesTableId)) {
      const readable = leaves.filter(({ read }) => read === 'allow');
      for await (const names of timelineNames(this.service.timelines, readable, this.options.signal)) {
        const kept = names.flatMap((name): KeptTimeline[] => {
          const its = keptTimeline(name);
          return its === undefined ? [] : [{ name, leaves: readable, ...its }];
        });
        await this.#check(kept);
      }
    }
    return {
      lists: this.#lists,
      incomplete: this.#incomplete,
      hidden: this.#hidden,
      faults: this.#faults,
      uncertain: this.#uncertain,
      repaired: this.#repaired,
    };
  }

  async #check(kept: readonly KeptTimeline[]): Promise<void> {
    const last = new Map<KeptTimeline, Looked>();
    const { faults, uncertain } = await lookUntilSure(
      this.service.gizzard,
      kept,
      async (some) => {
        await inParallel(some, timelinesAtOnce, async (one) => void last.set(one, await this.#look(one)));
        return some.flatMap((one) => last.get(one)!.faults);
      },
      this.options,
    );
    this.#lists += kept.length;
    for (const { isBeingRebuilt, hidden } of last.values()) {
      if (isBeingRebuilt) this.#incomplete++;
      this.#hidden += hidden;
    }
    this.options.onProgress?.(this.#lists);
    if (uncertain) {
      this.#uncertain += faults.length;
      return;
    }
    this.#faults.push(...faults);
    if (this.options.repair !== true) return;
    for (const { kind, userId } of new Set(faults.map(({ of }) => of)))
      await this.service.rebuild(kind, userId, { deadlineMs: stepDeadlineMs });
    this.#repaired += faults.length;
  }

  async #look(of: KeptTimeline): Promise<Looked> {
    const { name, kind, userId, leaves } = of;
    const { timelines, kinds, config, tbird } = this.service;
    const deadline = Deadline.after(stepDeadlineMs);
    const rows = await Promise.all(leaves.map((leaf) => timelines.listsAt(leaf, deadline).row(name)));
    if (rows.some((row) => row !== undefined && row.through !== 'all'))
      return { isBeingRebuilt: true, hidden: 0, faults: [] };
    if (rows.every((row) => row === undefined)) return { isBeingRebuilt: false, hidden: 0, faults: [] };
    const merge = await timelineMerge(
      kinds[kind] as TimelineKind<unknown>,
      userId,
      config.keep,
      new PageTweets(tbird),
      deadline,
    );
    let hidden = 0;
    const faults = rows.flatMap((row, i): Fault[] => {
      if (row === undefined) return [];
      const { hostname } = leaves[i]!.shard.id;
      const differences = compareRow(row, merge);
      hidden += differences.hidden.length;
      const fault = (key: bigint, is: string): Fault => ({
        of,
        name: `${name} ${hostname} ${key}`,
        line: `${name} on ${hostname}: entry ${key} is ${is}`,
      });
      return [
        ...differences.missing.map((key) => fault(key, 'missing')),
        ...differences.wrong.map((key) => fault(key, 'not as its tweet or edge says')),
      ];
    });
    return { isBeingRebuilt: false, hidden, faults };
  }
}
