import { chunks, Deadline, RoostError } from '../../core/index.js';
import {
  maxClockDifferenceMs,
  shardKey,
  type DroppedShard,
  type Gizzard,
  type ShardId,
  type ShardInfo,
  type Topology,
} from '../../gizzard/index.js';
import type { Log } from '../../process/index.js';
import type { DroppedWindow, WindowToDrop } from '../../wire/index.js';
import { tweetMoves } from '../storage/tweetMoves.js';
import { tweetsTable } from '../storage/tweetTable.js';
import { ofWindowMs } from '../storage/tweetsAttributes.js';
import { tweetsShardTypeName } from '../storage/tweetsShardType.js';
import { tbirdConfig } from '../tbirdConfig.js';
import type { ClusterClocks } from './clusterClocks.js';
import type { DroppedWindowRecord, DroppedWindowStore } from './droppedWindowStore.js';
import { windowAt, type TimeWindow } from './timeWindows.js';
import { storedWindows, tweetsTableId, type StoredWindow } from './windowMap.js';
import { planRemoval, planReturn, planUndrop, windowName, windowStartOf } from './windowPlan.js';
import type { WindowPolicy } from './windowPolicy.js';

/** Windows dropped as one change. */
const windowsAtOnce = 64;
const tableDeadlineMs = 60_000;
/** Servers may go on for so long with the topology of before; tables are not taken away under them. */
const waitForServersMs = 60_000;
/** Of the windows that there are, rolls drop no more than this in an hour, or in the length of a window where that is shorter; but always one. */
const shareAtOnce = 0.1;
const hourMs = 3_600_000;
const dayMs = 86_400_000;

/** What becomes of windows past the retention. Each is named by its start, in milliseconds since 1970. */
export interface DropReport {
  readonly dropped: readonly number[];
  /** Those that migrations of their tables keep: one that has settled keeps its old side until its cleanup. */
  readonly held: readonly number[];
  /** Those that wait for another roll, since one drops a small share only, or for clocks that agree. */
  readonly heldBack: readonly number[];
  /** How far the journal's clock is ahead of the database's, where they differ by more than they may: nothing is dropped then. */
  readonly clocksApartMs: number | undefined;
}

/** Takes windows past the retention away, and brings them back. Each method is to be called by whoever alone changes windows. */
export class Retention {
  constructor(
    private readonly gizzard: Gizzard,
    private readonly store: DroppedWindowStore,
    private readonly clocks: ClusterClocks,
    private readonly log: Log,
  ) {}

  /** What a policy drops, oldest first. */
  async plan(policy: WindowPolicy): Promise<WindowToDrop[]> {
    const { past } = await this.#look(policy);
    return past.map(({ startMs, endMs, stripes }) => ({
      startMs,
      endMs,
      tables: stripes.reduce(
        (sum, { baseId }) => sum + this.gizzard.topology.route(tweetsTableId, baseId).leaves.length,
        0,
      ),
    }));
  }

  /** Drops windows past the retention: a small share of them or, with `all`, all. Their tables are kept under other names. */
  async drop(policy: WindowPolicy, all: boolean): Promise<DropReport> {
    const { topology } = this.gizzard;
    const { agreedMs, apartMs, past, records } = await this.#look(policy);
    const reserved = await this.gizzard.migrations.reservations();
    const isReserved = (id: ShardId): boolean => reserved.has(shardKey(id));
    const held = past.filter((window) => shardsOf(topology, window).some(isReserved));
    const due = past.filter((window) => !held.includes(window));
    const clocksApartMs = Math.abs(apartMs) > maxClockDifferenceMs ? apartMs : undefined;
    const recent = records.filter(
      ({ state, droppedAtMs }) => state === 'dropped' && droppedAtMs > agreedMs - Math.min(policy.windowMs, hourMs),
    ).length;
    const share =
      Math.max(1, Math.floor((storedWindows(topology, policy.windowMs).length + recent) * shareAtOnce)) - recent;
    const expired = clocksApartMs !== undefined ? [] : all ? due : due.slice(0, Math.max(0, share));
    for (const part of chunks(expired, windowsAtOnce)) await this.#remove(policy, part, agreedMs);
    if (policy.retentionMs !== null && clocksApartMs === undefined) await this.#setAside(policy, agreedMs, isReserved);
    await this.#forget(policy, records, agreedMs);
    return {
      dropped: startsOf(expired),
      held: startsOf(held),
      heldBack: startsOf(due.filter((window) => !expired.includes(window))),
      clocksApartMs,
    };
  }

  /** Windows that were dropped and can be brought back, or are back, oldest first. */
  async list(policy: WindowPolicy): Promise<DroppedWindow[]> {
    const there = this.#there(policy);
    return (await this.store.list())
      .filter(({ state, startMs }) => state === 'dropped' || there.has(startMs))
      .map(({ startMs, droppedAtMs, keepUntilMs, state, tree }) => ({
        startMs,
        endMs: startMs + policy.windowMs,
        tables: leavesOf(tree).length,
        droppedAtMs,
        keptUntilMs: keepUntilMs,
        back: state === 'back',
      }));
  }

  /**
   * Brings a window back, which the retention then leaves alone. Throws `NotFound` where it was not dropped, or is deleted for good, `FailedPrecondition` where there is one of the same time.
   * Repeating it goes on where it was left.
   */
  async undrop(policy: WindowPolicy, startMs: number): Promise<void> {
    const window = windowAt(startMs, policy.windowMs);
    const records = (await this.store.list()).filter((one) => one.startMs === window.startMs);
    const record = records.find(({ state }) => state === 'dropped') ?? records[0];
    if (record === undefined)
      throw refusal(
        'NotFound',
        window,
        'was not dropped, or is deleted for good: `roost tweets windows` lists those that can be brought back',
      );
    const there = this.#there(policy).has(window.startMs);
    if (there && record.state === 'back') throw refusal('FailedPrecondition', window, 'is back already');
    const tables = await this.#dropped(window, record);
    if (there) {
      const names = tables.map(({ name, shard }) => `${name} on ${shard.id.hostname}`).join(', ');
      throw refusal(
        'FailedPrecondition',
        window,
        `was made anew after it was dropped, and holds other tweets: the dropped ones stay in database ${this.gizzard.config.cluster}_dropped (${names}); docs/tweets.md says how to merge them`,
      );
    }
    // First of all, so that no roll drops it again.
    await this.store.setState(record, 'back');
    for (const one of tables) await this.gizzard.dropped.bringBack(one);
    await this.gizzard.apply(planUndrop(this.gizzard.topology, policy, window, record.tree), 'roost tweets undrop');
  }

  /** Lets the retention drop a window again that was brought back. Throws `NotFound`. */
  async release(policy: WindowPolicy, startMs: number): Promise<void> {
    const window = windowAt(startMs, policy.windowMs);
    const record = (await this.store.list()).find((one) => one.startMs === window.startMs && one.state === 'back');
    if (record === undefined)
      throw refusal('NotFound', window, 'was not brought back: the retention holds for it as it is');
    await this.store.remove(record);
  }

  async #look(policy: WindowPolicy): Promise<{
    readonly agreedMs: number;
    readonly apartMs: number;
    readonly past: readonly StoredWindow[];
    readonly records: readonly DroppedWindowRecord[];
  }> {
    const [journalMs, databaseMs, records] = await Promise.all([
      this.clocks.journalMs(),
      this.clocks.databaseMs(),
      this.store.list(),
    ]);
    // What one clock alone says to be over is not.
    const agreedMs = Math.min(journalMs, databaseMs);
    const back = new Set(records.filter(({ state }) => state === 'back').map(({ startMs }) => startMs));
    const past = storedWindows(this.gizzard.topology, policy.windowMs).filter(
      (window) => isExpired(window, policy, agreedMs) && !back.has(window.startMs),
    );
    return { agreedMs, apartMs: journalMs - databaseMs, past, records };
  }

  #there({ windowMs }: WindowPolicy): Set<number> {
    return new Set(startsOf(storedWindows(this.gizzard.topology, windowMs)));
  }

  async #remove(policy: WindowPolicy, windows: readonly StoredWindow[], droppedAtMs: number): Promise<void> {
    const { topology, config } = this.gizzard;
    const keepUntilMs = droppedAtMs + tbirdConfig.of(config).tweets.undropDays * dayMs;
    // Before the topology forgets them.
    for (const window of windows)
      await this.store.add({
        startMs: window.startMs,
        droppedAtMs,
        keepUntilMs,
        state: 'dropped',
        tree: planReturn(topology, window),
      });
    await this.gizzard.apply(planRemoval(topology, policy, windows), 'roller');
  }

  /** Sets aside the tables of windows that are past the retention and out of the topology: those of this roll, and those that one that was killed left behind. */
  async #setAside(policy: WindowPolicy, agreedMs: number, isReserved: (id: ShardId) => boolean): Promise<void> {
    const { topology, mysql, config, database, servers, dropped } = this.gizzard;
    const moves = tweetMoves(tweetsTable.in(database));
    let waited = false;
    for (const name of Object.keys(config.databaseHosts)) {
      const host = mysql.host(name);
      if (!host.health.healthy) continue;
      try {
        for (const prefix of (await moves.stored(host, Deadline.after(tableDeadlineMs))).keys()) {
          const startMs = windowStartOf(prefix);
          const id = { hostname: name, tablePrefix: prefix };
          if (
            startMs === undefined ||
            !isExpired({ endMs: startMs + policy.windowMs }, policy, agreedMs) ||
            topology.hasShard(id) ||
            isReserved(id)
          )
            continue;
          if (!waited) await servers.allHold(topology.version, AbortSignal.timeout(waitForServersMs));
          waited = true;
          const shard: ShardInfo = {
            id,
            type: tweetsShardTypeName,
            ...ofWindowMs(policy.windowMs),
            busy: 'normal',
          };
          const aside = await dropped.setAside(shard, {
            why: `the window of tweets ${windowName({ startMs })} is past the retention`,
            keepMs: tbirdConfig.of(config).tweets.undropDays * dayMs,
          });
          this.log.info(
            { shard: shardKey(id), name: aside?.name, keptUntil: aside && new Date(aside.keepUntilMs).toISOString() },
            'a table of tweets past the retention was set aside',
          );
        }
      } catch (error) {
        // Another roll does it; windows of other hosts need not wait for this one.
        this.log.warn({ err: error, host: name }, 'the tables of tweets past the retention could not be set aside');
      }
    }
  }

  /** Records of tables that are deleted by now, and of windows that the retention keeps anyway. */
  async #forget(policy: WindowPolicy, records: readonly DroppedWindowRecord[], agreedMs: number): Promise<void> {
    for (const record of records) {
      const over =
        record.state === 'dropped'
          ? record.keepUntilMs <= agreedMs
          : !isExpired({ endMs: record.startMs + policy.windowMs }, policy, agreedMs);
      if (over) await this.store.remove(record);
    }
  }

  /** The tables of a dropped window that are set aside. Throws `NotFound` where some are gone. */
  async #dropped(window: TimeWindow, { tree }: DroppedWindowRecord): Promise<DroppedShard[]> {
    const { dropped, hosts, moves } = this.gizzard;
    const found: DroppedShard[] = [];
    for (const shard of leavesOf(tree)) {
      const { hostname, tablePrefix } = shard.id;
      const aside = (await dropped.list(hostname)).find((one) => one.shard.id.tablePrefix === tablePrefix);
      if (aside !== undefined) {
        found.push(aside);
        continue;
      }
      // A roll, or an earlier attempt, may have ended between the two steps.
      const movable = moves.movableType(shard.type);
      if (!(await movable.holds(hosts.host(hostname), shard, Deadline.after(tableDeadlineMs))))
        throw refusal('NotFound', window, `cannot be brought back: ${shardKey(shard.id)} is deleted for good`);
    }
    return found;
  }
}

const startsOf = (windows: readonly TimeWindow[]): number[] => windows.map(({ startMs }) => startMs);
const leavesOf = (tree: DroppedWindowRecord['tree']): ShardInfo[] =>
  tree.flatMap((change) =>
    change.kind === 'createShard' && change.shard.type === tweetsShardTypeName ? [change.shard] : [],
  );
const shardsOf = (topology: Topology, { stripes }: StoredWindow): ShardId[] =>
  stripes.flatMap(({ baseId, root }) => [
    root,
    ...topology.route(tweetsTableId, baseId).leaves.map(({ shard }) => shard.id),
  ]);

/** Whether a window is past the retention by a clock. */
export const isExpired = (
  { endMs }: Pick<TimeWindow, 'endMs'>,
  { retentionMs }: WindowPolicy,
  nowMs: number,
): boolean => retentionMs !== null && endMs + retentionMs <= nowMs;

export const describe = (window: TimeWindow): string =>
  `${new Date(window.startMs).toISOString()} (${windowName(window)})`;
const refusal = (code: 'NotFound' | 'FailedPrecondition', window: TimeWindow, why: string): RoostError =>
  new RoostError(code, `the window of ${describe(window)} ${why}`, { fields: { start_ms: window.startMs } });
