import { Deadline, RoostError, type Log } from '../../core/index.js';
import { shardKey, type Gizzard, type Route, type ShardId, type ShardInfo, type Topology } from '../../gizzard/index.js';
import { tweetMoves } from '../storage/tweetMoves.js';
import { tweetsShardTypeName } from '../storage/tweetsShardType.js';
import { PolicyStore } from './policyStore.js';
import { routingKey, windowAt, windowOf, type TimeWindow } from './timeWindows.js';
import { isMissing, storedWindows, tweetsTableId, type StoredWindow } from './windowMap.js';
import { planMoves, planRemoval, planTable, planWindows, windowName, windowStartOf } from './windowPlan.js';
import { makePolicy, type PolicyInput, type WindowPolicy } from './windowPolicy.js';

/** Windows made or dropped as one change. */
const windowsAtOnce = 64;
/** Stripes on their way to the hosts of closed windows at once. */
const movesAtOnce = 16;
const dropDeadlineMs = 60_000;
/** Tweets of a window may still be on their way when it is over. */
const closeGraceMs = 60_000;
/** Servers may go on for so long with the topology of before; tables are not dropped under them. */
const waitForServersMs = 60_000;

export interface RollReport {
  /** Starts of the windows made and of those dropped, in milliseconds. */
  readonly made: readonly number[];
  readonly dropped: readonly number[];
  /** Those past the retention that migrations of their tables keep: one that has settled keeps its old side until its cleanup. */
  readonly held: readonly number[];
  /** Stripes of closed windows that were sent to the hosts for them. */
  readonly moving: number;
}

/** The windows of tweets: which there are, which are to be made, and when they go. */
export class Windows {
  readonly #store: PolicyStore;
  #policy: WindowPolicy | undefined;

  constructor(
    private readonly gizzard: Gizzard,
    private readonly log: Log,
  ) {
    const { config } = gizzard;
    this.#store = new PolicyStore(gizzard.hosts.host(config.nameServer.hosts[0]!), `${config.cluster}_nameserver`);
  }

  /** Sets the policy, and makes the table where there is none. It holds for windows made from then on. Throws as `makePolicy` does. */
  async setPolicy(input: PolicyInput): Promise<WindowPolicy> {
    await this.#store.create();
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

  /** The policy as it is stored now. */
  async freshPolicy(): Promise<WindowPolicy> {
    this.#policy = undefined;
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

  /**
   * Sees to it that the windows of some ids are there, making those that the policy lets be made. Throws `FailedPrecondition` for one that is missing
   * and stays so, `InvalidArgument` for one past the retention.
   */
  async ensure(ids: readonly bigint[], nowMs: number): Promise<void> {
    const { windowMs } = await this.policy();
    const missing = (): TimeWindow[] => [...new Map(ids.filter((id) => this.route(id, windowMs) === undefined).map((id) => windowOf(id, windowMs)).map((window) => [window.startMs, window])).values()];
    if (missing().length === 0) return;
    await this.#exclusively(async (policy) => {
      const wanted = missing();
      const current = windowAt(nowMs + policy.aheadMs, windowMs);
      for (const window of wanted) {
        if (isExpired(window, policy, nowMs)) {
          throw new RoostError('InvalidArgument', `tweets of ${describe(window)} are no longer kept`, { fields: { start_ms: window.startMs } });
        }
        if (window.startMs > current.startMs) {
          throw new RoostError('FailedPrecondition', `the window of ${describe(window)} is not made yet`, { fields: { start_ms: window.startMs } });
        }
        if (!policy.catchUp && window.endMs <= nowMs) {
          throw new RoostError('FailedPrecondition', `there is no window for tweets of ${describe(window)}, and the policy makes none of the past`, { fields: { start_ms: window.startMs } });
        }
      }
      await this.#make(policy, wanted, nowMs);
    });
  }

  /** Makes the window of now and those that begin soon, and drops those past the retention. Safe on several servers at once, and after any time without. */
  async roll(nowMs: number): Promise<RollReport> {
    return this.#exclusively(async (policy) => {
      const due: TimeWindow[] = [];
      for (let window = windowAt(nowMs, policy.windowMs); window.startMs <= nowMs + policy.aheadMs; window = windowAt(window.endMs, policy.windowMs)) due.push(window);
      const made = await this.#make(policy, due, nowMs);
      const reserved = await this.gizzard.migrations.reservations();
      const isReserved = (id: ShardId): boolean => reserved.has(shardKey(id));
      const past = storedWindows(this.gizzard.topology, policy.windowMs).filter((window) => isExpired(window, policy, nowMs));
      const held = past.filter((window) => shardsOf(this.gizzard.topology, window).some(isReserved));
      const expired = past.filter((window) => !held.includes(window));
      for (let start = 0; start < expired.length; start += windowsAtOnce) {
        await this.gizzard.apply(planRemoval(this.gizzard.topology, policy, expired.slice(start, start + windowsAtOnce)), 'roller');
      }
      if (policy.retentionMs !== null) await this.#dropTables(policy, nowMs, isReserved);
      const moving = await this.#moveClosed(policy, nowMs, isReserved);
      return { made, dropped: expired.map(({ startMs }) => startMs), held: held.map(({ startMs }) => startMs), moving };
    });
  }

  /** Starts the transformations that bring closed windows to their hosts; servers carry them out. What cannot be moved now is tried again by a later roll. */
  async #moveClosed(policy: WindowPolicy, nowMs: number, isReserved: (id: ShardId) => boolean): Promise<number> {
    const { migrations } = this.gizzard;
    const under = (await migrations.list({ active: true })).length;
    const closed = storedWindows(this.gizzard.topology, policy.windowMs).filter((window) => window.endMs + closeGraceMs <= nowMs);
    const plans = planMoves(await migrations.planner(), closed, policy.closedHosts, movesAtOnce - under, isReserved, (error) =>
      this.log.warn({ err: error }, 'a closed window of tweets cannot be moved to its hosts now'),
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
    for (let start = 0; start < windows.length; start += windowsAtOnce) {
      const there = new Set(storedWindows(this.gizzard.topology, policy.windowMs).map(({ startMs }) => startMs));
      const part = windows.slice(start, start + windowsAtOnce);
      const changes = planWindows(this.gizzard.topology, policy, part, nowMs);
      if (changes.length === 0) continue;
      await this.gizzard.apply(changes, 'roller');
      made.push(...part.map(({ startMs }) => startMs).filter((startMs) => !there.has(startMs)));
    }
    return made;
  }

  /** Drops tables of windows that are past the retention and out of the topology: those of this roll, and those that one that was killed left behind. */
  async #dropTables(policy: WindowPolicy, nowMs: number, isReserved: (id: ShardId) => boolean): Promise<void> {
    const { topology, hosts, config, servers } = this.gizzard;
    const moves = tweetMoves(config.cluster);
    let waited = false;
    for (const name of new Set([...policy.openHosts, ...policy.closedHosts])) {
      const host = hosts.host(name);
      if (!host.health.healthy) continue;
      for (const prefix of (await moves.stored(host, Deadline.after(dropDeadlineMs))).keys()) {
        const startMs = windowStartOf(prefix);
        const id = { hostname: name, tablePrefix: prefix };
        if (startMs === undefined || !isExpired({ endMs: startMs + policy.windowMs }, policy, nowMs) || topology.hasShard(id) || isReserved(id)) continue;
        if (!waited) await servers.allHold(topology.version, AbortSignal.timeout(waitForServersMs));
        waited = true;
        const shard: ShardInfo = { id, type: tweetsShardTypeName, sourceType: String(policy.windowMs), destinationType: '', busy: 'normal' };
        await moves.drop(host, shard, Deadline.after(dropDeadlineMs));
        this.log.info({ shard: shardKey(id) }, 'dropped a table of tweets past the retention');
      }
    }
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

const shardsOf = (topology: Topology, { stripes }: StoredWindow): ShardId[] =>
  stripes.flatMap(({ baseId, root }) => [root, ...topology.route(tweetsTableId, baseId).leaves.map(({ shard }) => shard.id)]);

const isExpired = ({ endMs }: Pick<TimeWindow, 'endMs'>, { retentionMs }: WindowPolicy, nowMs: number): boolean => retentionMs !== null && endMs + retentionMs <= nowMs;

const describe = (window: TimeWindow): string => `${new Date(window.startMs).toISOString()} (${windowName(window)})`;

/** The least id that is still kept; 0 where all are. */
export function firstKeptId({ retentionMs, windowMs }: WindowPolicy, nowMs: number): bigint {
  if (retentionMs === null) return 0n;
  return windowAt(nowMs - retentionMs, windowMs).firstId;
}

