import { describe, expect, it } from 'vitest';
import { composeSnowflake, firstSnowflakeId, maxId } from '../../core/index.js';
import { applyChanges, emptyTopology, Topology } from '../../gizzard/index.js';
import { routingKey, windowAt, windowOf, type TimeWindow } from './timeWindows.js';
import { expiredRoot, isMissing, storedWindows, tweetsTableId } from './windowMap.js';
import { planRemoval, planTable, planWindows, windowName, windowStartOf } from './windowPlan.js';
import { makePolicy } from './windowPolicy.js';

const hourMs = 3_600_000;
const startMs = Date.UTC(2025, 0, 1);
const policy = makePolicy({ windowMs: hourMs, stripes: 1, replicas: 1, aheadMs: 24 * hourMs }, ['db1', 'db2']);
const fresh = (): Topology => new Topology(applyChanges(emptyTopology, planTable(new Topology(emptyTopology), policy)));
const withWindows = (topology: Topology, windows: readonly TimeWindow[], stripes = 1): Topology =>
  new Topology(applyChanges(topology.state, planWindows(topology, { ...policy, stripes }, windows, startMs)));
const idAt = (timeMs: number, sequence = 0): bigint => composeSnowflake({ timeMs, worker: 5, sequence });
const rootOf = (topology: Topology, id: bigint): string | undefined => {
  const route = topology.route(tweetsTableId, routingKey(id, hourMs));
  return isMissing(route) ? undefined : route.root.id.tablePrefix;
};

describe('a year of hourly windows', () => {
  it('rolled in steps of ten days has each hour’s ids in its own tree, and no other', () => {
    let topology = fresh();
    for (let day = 0; day < 365; day += 10) {
      const windows = Array.from({ length: Math.min(10, 365 - day) * 24 }, (_, hour) =>
        windowAt(startMs + (24 * day + hour) * hourMs, hourMs),
      );
      topology = withWindows(topology, windows);
    }
    const windows = storedWindows(topology, hourMs);
    expect(windows).toHaveLength(8_760);
    const wrong = windows.filter((window, i) => {
      const name = `tweets_${windowName(window)}_000_root`;
      return (
        window.startMs !== startMs + i * hourMs ||
        [window.startMs, window.endMs - 1].some((timeMs) => rootOf(topology, idAt(timeMs, i % 4_096)) !== name)
      );
    });
    expect(wrong).toEqual([]);
    expect(rootOf(topology, idAt(startMs - 1, 4_095))).toBeUndefined();
    expect(rootOf(topology, idAt(startMs + 8_760 * hourMs))).toBeUndefined();
    // One forwarding a window, and one each for what lies before and behind.
    expect(topology.state.forwardings).toHaveLength(8_762);
  });
});

describe('a plan', () => {
  it('never leaves an id in a window that is not its own, whatever the windows and their order', () => {
    const hours = [5, 3, 4, 9, 0, 1];
    let topology = fresh();
    const there = new Set<number>();
    const check = (): void => {
      for (let hour = -1; hour < 11; hour++) {
        for (const timeMs of [startMs + hour * hourMs, startMs + hour * hourMs + 1_234_567]) {
          const root = rootOf(topology, idAt(timeMs, 7));
          expect(root?.slice(0, -'_000_root'.length)).toBe(
            there.has(hour) ? `tweets_${windowName({ startMs: startMs + hour * hourMs })}` : undefined,
          );
        }
      }
      expect(rootOf(topology, 0n)).toBeUndefined();
      expect(rootOf(topology, maxId)).toBeUndefined();
    };
    for (const hour of hours) {
      topology = withWindows(topology, [windowAt(startMs + hour * hourMs, hourMs)]);
      there.add(hour);
      check();
    }
    for (const hour of [4, 0, 5, 9, 3, 1]) {
      const gone = storedWindows(topology, hourMs).filter((window) => window.startMs === startMs + hour * hourMs);
      topology = new Topology(applyChanges(topology.state, planRemoval(topology, policy, gone)));
      there.delete(hour);
      check();
    }
    // What was dropped takes what still comes, and keeps nothing of it; what is to come waits.
    const { endId } = windowAt(startMs + 9 * hourMs, hourMs);
    expect(topology.state.forwardings.map(({ baseId, shard }) => [baseId, shard.tablePrefix])).toEqual([
      [0n, 'tweets_expired'],
      [endId, 'tweets_missing'],
    ]);
    expect(topology.route(tweetsTableId, endId - 1n).leaves.map(({ write }) => write)).toEqual([]);
    expect(topology.state.shards).toEqual([...fresh().state.shards, expect.objectContaining({ id: expiredRoot })]);
    topology = withWindows(topology, [windowAt(startMs + 2 * hourMs, hourMs)]);
    const byBase = topology.state.forwardings.toSorted((a, b) => (a.baseId < b.baseId ? -1 : 1));
    expect(byBase.map(({ shard }) => shard.tablePrefix.replace(/_2.*_000_root/, ''))).toEqual([
      'tweets_expired',
      'tweets',
      'tweets_expired',
      'tweets_missing',
    ]);
  });

  it('spreads a window over its stripes, evenly', () => {
    const topology = withWindows(fresh(), [windowAt(startMs, hourMs)], 7);
    const counts = new Map<string | undefined, number>();
    for (let i = 0; i < 7_000; i++) {
      const root = rootOf(topology, idAt(startMs + (i % hourMs), i % 4_096));
      counts.set(root, (counts.get(root) ?? 0) + 1);
    }
    expect(counts.size).toBe(7);
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });

  it('changes nothing when every window exists', () => {
    const window = windowAt(startMs, hourMs);
    expect(planWindows(withWindows(fresh(), [window]), policy, [window, window], startMs)).toEqual([]);
    expect(planTable(fresh(), policy)).toEqual([]);
  });
});

describe('a window', () => {
  it('holds its ids and their routing keys, from the first of all to the last', () => {
    for (const id of [
      0n,
      20n,
      firstSnowflakeId - 1n,
      firstSnowflakeId,
      idAt(startMs),
      idAt(startMs + hourMs - 1, 4_095),
      maxId,
    ]) {
      const { firstId, endId } = windowOf(id, hourMs);
      const key = routingKey(id, hourMs);
      expect(id >= firstId && id < endId && key >= firstId && key < endId, String(id)).toBe(true);
    }
  });

  it('names its tables so that they can be told by age, also when a transformation has made them', () => {
    const prefix = `tweets_${windowName({ startMs })}_003`;
    expect([prefix, `${prefix}_v2`, `${prefix}_old`, `${prefix}_v2_old`].map(windowStartOf)).toEqual([
      startMs,
      startMs,
      startMs,
      startMs,
    ]);
    expect(
      ['tweets_none', 'tweets_missing', 'tweets_by_user_forward_0000', 'tweets_20250101_000'].map(windowStartOf),
    ).toEqual([undefined, undefined, undefined, undefined]);
  });
});
