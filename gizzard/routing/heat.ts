import { TopCounts } from '../../core/index.js';
import type { Route } from './route.js';

/** Trees counted separately in one interval, the busiest. */
const keptTrees = 512;
const keptKeys = 1_000;

/** The load of a tree of shards, named by its root, in an interval. */
export interface TreeHeat {
  readonly root: string;
  readonly reads: number;
  /** Items of jobs, such as rows. */
  readonly writes: number;
}

/** The items written to one key of a table in an interval. */
export interface KeyHeat {
  readonly table: number;
  readonly key: string;
  readonly writes: number;
}

/**
 * Counts this process's reads and writes by tree, and its writes by key, until `take`. Memory is bounded; with very
 * many keys, the counts of the hottest may be slightly too high.
 */
export class Heat {
  readonly #reads = new TopCounts<Route>(keptTrees);
  readonly #writes = new TopCounts<Route>(keptTrees);
  readonly #keys = new TopCounts<string>(keptKeys);

  read(route: Route): void {
    this.#reads.add(route);
  }

  written(route: Route, items: number): void {
    this.#writes.add(route, items);
  }

  wroteKey(table: number, key: bigint): void {
    this.#keys.add(`${table} ${key}`);
  }

  /** The hottest trees and keys since the last call, in descending order; resets the counts. */
  take(): { readonly trees: readonly TreeHeat[]; readonly keys: readonly KeyHeat[] } {
    const trees = new Map<string, { reads: number; writes: number }>();
    // A new topology has new routes with the same roots.
    const add = (route: Route, what: 'reads' | 'writes', count: number): void => {
      const root = `${route.root.id.hostname}/${route.root.id.tablePrefix}`;
      const known = trees.get(root) ?? { reads: 0, writes: 0 };
      known[what] += count;
      trees.set(root, known);
    };
    for (const [route, count] of this.#reads.take()) add(route, 'reads', count);
    for (const [route, count] of this.#writes.take()) add(route, 'writes', count);
    const keys = this.#keys.take().map(([name, writes]): KeyHeat => {
      const [table = '', key = ''] = name.split(' ');
      return { table: Number(table), key, writes };
    });
    return {
      trees: Array.from(trees, ([root, counts]) => ({ root, ...counts })).sort(
        (a, b) => b.reads + b.writes - a.reads - a.writes,
      ),
      keys,
    };
  }
}
