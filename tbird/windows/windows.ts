import { appendTo, chunks, type Deadline, RoostError } from '../../core/index.js';
import { shardKey, type Gizzard, type Route, type ShardId } from '../../gizzard/index.js';
import type { Log } from '../../process/index.js';
import type { DroppedWindow, WindowToDrop } from '../../wire/index.js';
import type { ClusterClocks } from './clusterClocks.js';
import { DroppedWindowStore } from './droppedWindowStore.js';
import { PolicyStore } from './policyStore.js';
import { describe, isExpired, Retention, type DropReport } from './retention.js';
import { routingKey, windowAt, windowOf, type TimeWindow } from './timeWindows.js';
import { isExpiredRoot, isMissing, storedWindows, tweetsTableId, type StoredWindow } from './windowMap.js';
import { planExpiry, planMoves, planTable, planWindows } from './windowPlan.js';
import { makePolicy, type PolicyInput, type WindowPolicy } from './windowPolicy.js';

/** Windows made as one change. */
const windowsAtOnce = 64;
/** Stripes on their way to the hosts of closed windows at once. */
const movesAtOnce = 16;
/** Tweets of a window may still be on their way when it is over. */
const closeGraceMs = 60_000;

export interface RollReport extends DropReport {
  /** Starts of the windows made, in milliseconds. */
  readonly made: readonly number[];
  /** Stripes of closed windows that were sent to the hosts for them. */
  readonly moving: number;
}

/** The windows of tweets: which there are, which are to be made, and when they go. */
export class Windows {
  readonly #store: PolicyStore;
  readonly #retention: Retention;
  #policy: WindowPolicy | undefined;
  /** What the last roll of this process did. */
  lastRoll: RollReport | undefined;

  constructor(
    private readonly gizzard: Gizzard,
    private readonly clocks: ClusterClocks,
    private readonly log: Log,
  ) {
    this.#store = new PolicyStore(gizzard.control);
    this.#retention = new Retention(gizzard, new DroppedWindowStore(gizzard.control), clocks, log);
  }

  /** Sets the policy, and makes the table where there is none. It holds for windows made from then on. Throws as `makePolicy` does. */
  async setPolicy(input: PolicyInput): Promise<WindowPolicy> {
    return (this.#policy = await this.#store.change(async (before, set) => {
      const policy = makePolicy(input, Object.keys(this.gizzard.config.databaseHosts), before);
      await this.gizzard.nameServer.reload();
      const changes = planTable(this.gizzard.topology, policy);
      if (changes.length > 0) await this.gizzard.apply(changes);
      await set(policy);
      return policy;
    }));
  }

  /** The policy as this process knows it; only the length of windows, which never changes, may be relied on. Throws `FailedPrecondition` where there is none. */
  async policy(): Promise<WindowPolicy> {
    this.#policy ??= await this.#store.read();
    if (this.#policy !== undefined) return this.#policy;
    throw new RoostError('FailedPrecondition', 'tweets are not set up in this cluster: `roost tweets setup` does it');
  }

  /** The same; undefined where there is none. */
  storedPolicy(): Promise<WindowPolicy | undefined> {
    return this.#store.read();
  }

  /** The policy as it is stored now. Where it cannot be read, this process keeps to what it knows. */
  async freshPolicy(): Promise<WindowPolicy> {
    const policy = await this.#store.read();
    this.#policy = policy;
    return this.policy();
  }

  /** The windows that are there, oldest first. */
  async stored(): Promise<readonly StoredWindow[]> {
    const { windowMs } = await this.policy();
    return storedWindows(this.gizzard.topology, windowMs);
  }

  /** The tree of an id's table; undefined where its window is missing. */
  route(id: bigint, windowMs: number): Route | undefined {
    const route = this.gizzard.topology.route(tweetsTableId, routingKey(id, windowMs));
    return isMissing(route) ? undefined : route;
  }

  /** Whether an id's window is missing as far as this process knows, and another one may have made it. One that the retention has dropped is gone. */
  mayBeMade(id: bigint, windowMs: number): boolean {
    const { root } = this.gizzard.topology.route(tweetsTableId, routingKey(id, windowMs));
    return isMissing({ root }) && !isExpiredRoot(root.id);
  }

  /** Ids by the tree of their table, without those whose window is not there; and whether the window of one of these may have been made elsewhere since. */
  byRoute(
    ids: Iterable<bigint>,
    windowMs: number,
  ): { readonly byRoute: Map<Route, bigint[]>; readonly someMayBeMade: boolean } {
    const { topology } = this.gizzard;
    const byRoute = new Map<Route, bigint[]>();
    let someMayBeMade = false;
    for (const id of ids) {
      const route = topology.route(tweetsTableId, routingKey(id, windowMs));
      if (isMissing(route)) {
        someMayBeMade ||= !isExpiredRoot(route.root.id);
        continue;
      }
      appendTo(byRoute, route, id);
    }
    return { byRoute, someMayBeMade };
  }

  /** Looks for windows that others have made until now; all callers of this process share few looks. Throws `Unavailable` where the name server does not answer. */
  async lookAnew(deadline: Deadline): Promise<void> {
    await deadline.race(this.gizzard.nameServer.lookAnew(), 'looking for windows that were made since');
  }

  /**
   * Sees to it that the windows of some ids are there. For a `create`, makes those that the policy lets be made; for a change of `state`, those alone that are due anyway: where there is no
   * window, no tweet was ever stored. Throws `FailedPrecondition` or, for a change of state, `NotFound`, where one is missing and stays so, `InvalidArgument` for one past the retention.
   */
  async ensure(ids: readonly bigint[], what: 'create' | 'state', deadline: Deadline): Promise<void> {
    const { windowMs } = await this.policy();
    const missing = (): TimeWindow[] => [
      ...new Map(
        ids
          .filter((id) => this.route(id, windowMs) === undefined)
          .map((id) => windowOf(id, windowMs))
          .map((window) => [window.startMs, window]),
      ).values(),
    ];
    if (missing().length === 0) return;
    await this.lookAnew(deadline);
    if (missing().length === 0) return;
    const nowMs = await this.clocks.journalMs();
    // Before the lock, which others need: whoever asks for what cannot be must not keep them waiting.
    for (const window of missing()) refuseMissing(window, await this.policy(), nowMs, what);
    await this.#exclusively(async (policy) => {
      const wanted = missing();
      for (const window of wanted) refuseMissing(window, policy, nowMs, what);
      await this.#make(policy, wanted, nowMs);
    });
  }

  /**
   * Makes the window of now and those that begin soon, and drops those past the retention: a small share of them or, with `all`, all. Safe on several servers at once, and after any time
   * without.
   */
  async roll({ all = false }: { readonly all?: boolean } = {}): Promise<RollReport> {
    const nowMs = await this.clocks.journalMs();
    return this.#exclusively(async (policy) => {
      const due: TimeWindow[] = [];
      for (
        let window = windowAt(nowMs, policy.windowMs);
        window.startMs <= nowMs + policy.aheadMs;
        window = windowAt(window.endMs, policy.windowMs)
      )
        due.push(window);
      const made = await this.#make(policy, due, nowMs);
      const dropped = await this.#retention.drop(policy, all);
      const reserved = await this.gizzard.migrations.reservations();
      const moving = await this.#moveClosed(policy, nowMs, (id) => reserved.has(shardKey(id)));
      return (this.lastRoll = { made, ...dropped, moving });
    });
  }

  /**
   * Makes windows that a backup had, whatever the policy says of windows of the past, and takes all ids before one for dropped. Windows that are there stay. Throws `FailedPrecondition` where the
   * tweets are not set up.
   */
  restore(startsMs: readonly number[], keptFromId: bigint): Promise<void> {
    return this.#exclusively(async (policy) => {
      const windows = startsMs.map((startMs) => windowAt(startMs, policy.windowMs));
      await this.#make(policy, windows, await this.clocks.journalMs());
      if (keptFromId === 0n) return;
      const { topology } = this.gizzard;
      const kept = storedWindows(topology, policy.windowMs).filter(({ endId }) => endId > keptFromId);
      const changes = planExpiry(topology, kept, keptFromId);
      if (changes.length > 0) await this.gizzard.apply(changes, 'roost restore');
    });
  }

  /** What a policy with these changes drops, or the one that holds; nothing is changed. Empty where tweets are not set up. Throws as `makePolicy` does. */
  async planDrops(input: PolicyInput = {}): Promise<WindowToDrop[]> {
    const before = await this.#store.read();
    if (before === undefined) return [];
    await this.gizzard.nameServer.reload();
    return this.#retention.plan(makePolicy(input, Object.keys(this.gizzard.config.databaseHosts), before));
  }

  /** Windows that were dropped and can be brought back, or are back, oldest first. */
  async droppedWindows(): Promise<DroppedWindow[]> {
    return this.#retention.list(await this.policy());
  }

  /** See `Retention.undrop`. */
  undrop(startMs: number): Promise<void> {
    return this.#exclusively((policy) => this.#retention.undrop(policy, startMs));
  }

  /** See `Retention.release`. */
  release(startMs: number): Promise<void> {
    return this.#exclusively((policy) => this.#retention.release(policy, startMs));
  }

  /** Starts the transformations that bring closed windows to their hosts; servers carry them out. What cannot be moved now is tried again by a later roll. */
  async #moveClosed(policy: WindowPolicy, nowMs: number, isReserved: (id: ShardId) => boolean): Promise<number> {
    const { migrations } = this.gizzard;
    const under = (await migrations.list({ active: true })).length;
    const closed = storedWindows(this.gizzard.topology, policy.windowMs).filter(
      (window) => window.endMs + closeGraceMs <= nowMs,
    );
    const plans = planMoves(
      await migrations.planner(),
      closed,
      policy.closedHosts,
      movesAtOnce - under,
      isReserved,
      (error) => this.log.warn({ err: error }, 'a closed window of tweets cannot be moved to its hosts now'),
    );
    try {
      await migrations.begin(plans, { cleanup: true });
      return plans.length;
    } catch (error) {
      this.log.warn({ err: error }, 'closed windows of tweets cannot be moved to their hosts now');
      return 0;
    }
  }

  async #make(policy: WindowPolicy, windows: readonly TimeWindow[], nowMs: number): Promise<number[]> {
    const made: number[] = [];
    for (const part of chunks(windows, windowsAtOnce)) {
      const there = new Set(storedWindows(this.gizzard.topology, policy.windowMs).map(({ startMs }) => startMs));
      const changes = planWindows(this.gizzard.topology, policy, part, nowMs);
      if (changes.length === 0) continue;
      await this.gizzard.apply(changes, 'roller');
      made.push(...part.map(({ startMs }) => startMs).filter((startMs) => !there.has(startMs)));
    }
    return made;
  }

  /** Does what changes windows alone among all processes, on the newest policy and topology. */
  async #exclusively<T>(work: (policy: WindowPolicy) => Promise<T>): Promise<T> {
    await this.policy();
    return this.#store.change(async (policy) => {
      this.#policy = policy!;
      await this.gizzard.nameServer.reload();
      return work(policy!);
    });
  }
}

function refuseMissing(window: TimeWindow, policy: WindowPolicy, nowMs: number, what: 'create' | 'state'): void {
  const fields = { start_ms: window.startMs };
  if (isExpired(window, policy, nowMs))
    throw new RoostError('InvalidArgument', `tweets of ${describe(window)} are no longer kept`, { fields });
  if (window.startMs > windowAt(nowMs + policy.aheadMs, policy.windowMs).startMs)
    throw new RoostError('FailedPrecondition', `the window of ${describe(window)} is not made yet`, { fields });
  if (window.endMs > nowMs) return;
  if (what === 'state')
    throw new RoostError(
      'NotFound',
      `there is no window for tweets of ${describe(window)}: none was ever stored, and nothing was changed`,
      { fields },
    );
  if (!policy.catchUp)
    throw new RoostError(
      'FailedPrecondition',
      `there is no window for tweets of ${describe(window)}, and the policy makes none of the past`,
      { fields },
    );
}
