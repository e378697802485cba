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
import { kindNames, type KindName } from '../pages/rebuildJob.js';
import type { TimelineKind } from '../pages/timelineKind.js';
import type { TimelineService } from '../timelineService.js';
import { timelinesTableId } from '../timelineShards.js';
import { timelinesShardTypeName } from '../timelinesShardType.js';
import { compareRow } from './compareRow.js';
import { timelineMerge } from './timelineMerge.js';

const namesPerPage = 256;
/** Timelines merged concurrently. */
const timelinesAtOnce = 8;
const pageDeadlineMs = 60_000;

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
 * writes. With `repair`, servers merge differing replicas, and rebuild timelines with missing or wrong entries.
 * Timelines of other names, which Haplocheirus's clients fill, have no source to compare with.
 */
export async function checkTimelines(service: TimelineService, options: CheckOptions = {}): Promise<CheckReport> {
  const { gizzard } = service;
  await gizzard.nameServer.reload();
  if (!gizzard.topology.covers(timelinesTableId))
    return { looked: 'no timelines are set up', faults: 0, repaired: 0, found: [], remedies: [] };
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
    faults: replicas.faults + faults.length,
    repaired: replicas.repaired + repaired,
    found: [...replicas.found, ...faults.map(({ line }) => line)].slice(0, shownFaults),
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
      for await (const names of this.#names(readable)) {
        const kept = names.flatMap((name): KeptTimeline[] => {
          const its = parseName(name);
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

  /** The names on any of the replicas, page by page. */
  async *#names(leaves: readonly Leaf[]): AsyncGenerator<readonly string[], void, undefined> {
    let after: string | undefined = '';
    while (after !== undefined) {
      this.options.signal?.throwIfAborted();
      const from: string = after;
      const pages = await Promise.all(
        leaves.map((leaf) =>
          this.service.timelines.listsAt(leaf, Deadline.after(pageDeadlineMs)).names(from, namesPerPage),
        ),
      );
      // After the last name of a full page, a replica may have more names that precede the others' last.
      const ends = pages.flatMap(({ next }) => next ?? []).sort(inBytes);
      const end: string | undefined = ends[0];
      const names = new Set(pages.flatMap((page) => page.names));
      yield [...names].filter((name) => end === undefined || inBytes(name, end) <= 0).sort(inBytes);
      after = end;
    }
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
      await this.service.rebuild(kind, userId, { deadlineMs: pageDeadlineMs });
    this.#repaired += faults.length;
  }

  async #look(of: KeptTimeline): Promise<Looked> {
    const { name, kind, userId, leaves } = of;
    const { timelines, kinds, config, tbird } = this.service;
    const deadline = Deadline.after(pageDeadlineMs);
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

/** Undefined for a timeline of another name, which Haplocheirus's clients fill. */
function parseName(name: string): Pick<KeptTimeline, 'kind' | 'userId'> | undefined {
  const [, prefix, digits] = /^(\w+):(0|[1-9]\d{0,18})$/.exec(name) ?? [];
  const kind = kindNames.find((one) => one === prefix);
  return kind === undefined || digits === undefined ? undefined : { kind, userId: BigInt(digits) };
}

const inBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
