import { appendTo, groupBy } from '../core/index.js';
import { keyHash, shardKey, type Topology } from '../gizzard/index.js';
import type { ServerFigures } from './figures.js';
import type { HeatView, TableHeat } from './state.js';

/** Parts that the hash space of a table is shown in. */
const parts = 48;
const rowMs = 10_000;
const keptRows = 18;
const shownTables = 8;
const shownTrees = 10;

interface Row {
  readonly startMs: number;
  readonly byRoot: Map<string, number>;
}

/** Reads and writes by place over the last minutes, from the posts of all servers. */
export class HeatHistory {
  /** The newest first. */
  #rows: Row[] = [];
  #latest: HeatView['trees'] = [];
  #keys: { readonly table: number; readonly key: string; readonly writesPerSecond: number }[] = [];

  add(posts: readonly ServerFigures[], atMs: number): void {
    const startMs = Math.floor(atMs / rowMs) * rowMs;
    if (this.#rows[0]?.startMs !== startMs) this.#rows.unshift({ startMs, byRoot: new Map() });
    this.#rows = this.#rows.filter((row) => row.startMs > startMs - keptRows * rowMs).slice(0, keptRows);
    if (posts.length === 0) return;
    const trees = new Map<string, { readsPerSecond: number; writesPerSecond: number }>();
    const keys = new Map<string, { table: number; key: string; writesPerSecond: number }>();
    const { byRoot } = this.#rows[0]!;
    for (const { heat } of posts) {
      const seconds = heat.spanMs / 1_000;
      for (const { root, reads, writes } of heat.trees) {
        byRoot.set(root, (byRoot.get(root) ?? 0) + reads + writes);
        const known = trees.get(root) ?? { readsPerSecond: 0, writesPerSecond: 0 };
        known.readsPerSecond += reads / seconds;
        known.writesPerSecond += writes / seconds;
        trees.set(root, known);
      }
      for (const { table, key, writes } of heat.keys) {
        const name = `${table} ${key}`;
        const known = keys.get(name) ?? { table, key, writesPerSecond: 0 };
        known.writesPerSecond += writes / seconds;
        keys.set(name, known);
      }
    }
    this.#latest = Array.from(trees, ([root, rates]) => ({ root, ...rates }))
      .sort((a, b) => b.readsPerSecond + b.writesPerSecond - a.readsPerSecond - a.writesPerSecond)
      .slice(0, shownTrees);
    this.#keys = [...keys.values()].sort((a, b) => b.writesPerSecond - a.writesPerSecond).slice(0, shownTrees);
  }

  view(topology: Topology): HeatView {
    const places = placesIn(topology);
    const sums = new Map<number, number[][]>();
    for (const [r, { byRoot }] of this.#rows.entries())
      for (const [root, count] of byRoot)
        for (const { table, from, to } of places.get(root) ?? []) {
          let rows = sums.get(table);
          if (rows === undefined) sums.set(table, (rows = this.#rows.map(() => new Array<number>(parts).fill(0))));
          for (let part = from; part < to; part++) rows[r]![part]! += count / (to - from);
        }
    const busiest = Math.max(0, ...[...sums.values()].flat(2));
    const names = new Map(topology.tables.map(({ tableId, name }) => [tableId, name]));
    const nameOf = (table: number): string => names.get(table) ?? String(table);
    const seconds = (this.#rows.length * rowMs) / 1_000;
    const tables = Array.from(sums, ([table, rows]): TableHeat => ({
      table,
      name: nameOf(table),
      rows: rows.map((row) => row.map((sum) => digit(sum, busiest)).join('')),
      perSecond: Math.round(rows.flat().reduce((sum, each) => sum + each, 0) / seconds),
    }));
    return {
      rowMs,
      tables: tables.sort((a, b) => b.perSecond - a.perSecond).slice(0, shownTables),
      trees: this.#latest.map(({ root, readsPerSecond, writesPerSecond }) => ({
        root,
        readsPerSecond: Math.round(readsPerSecond),
        writesPerSecond: Math.round(writesPerSecond),
      })),
      keys: this.#keys.map(({ table, key, writesPerSecond }) => ({
        table: nameOf(table),
        key,
        writesPerSecond: Math.round(writesPerSecond),
      })),
    };
  }
}

/** The parts of a table's hash space that forward to a tree: from `from` up to, but without, `to`. */
interface Place {
  readonly table: number;
  readonly from: number;
  readonly to: number;
}

const known = new WeakMap<Topology, ReadonlyMap<string, readonly Place[]>>();

/** The places of each tree in the hash space, by its root. Computed once for each topology. */
function placesIn(topology: Topology): ReadonlyMap<string, readonly Place[]> {
  const before = known.get(topology);
  if (before !== undefined) return before;
  const places = new Map<string, Place[]>();
  for (const [table, forwardings] of groupBy(topology.state.forwardings, ({ tableId }) => tableId)) {
    const space = Number(keyHash(topology.table(table).hash).maxHash) + 1;
    const sorted = [...forwardings].sort((a, b) => (a.baseId < b.baseId ? -1 : 1));
    for (const [i, { baseId, shard }] of sorted.entries()) {
      const next = sorted[i + 1];
      const from = Math.min(parts - 1, Math.floor((Number(baseId) / space) * parts));
      const to = next === undefined ? parts : Math.ceil((Number(next.baseId) / space) * parts);
      appendTo(places, shardKey(shard), { table, from, to: Math.max(from + 1, to) });
    }
  }
  known.set(topology, places);
  return places;
}

/** Logarithmic, so that a part a hundred times as busy does not hide the rest. */
const digit = (sum: number, busiest: number): number =>
  sum <= 0 ? 0 : Math.max(1, Math.min(9, Math.round((9 * Math.log1p(sum)) / Math.log1p(busiest))));
