import { TopCounts } from '../../core/index.js';
import type { Route } from './route.js';

/** Trees that are told apart in one interval; those with less to do are left out. */
const keptTrees = 512;
const keptKeys = 1_000;

/** A tree of shards, by its root, and what it had to do in an interval. */
export interface TreeHeat {
  readonly root: string;
  readonly reads: number;
  /** Items of jobs, such as rows. */
  readonly writes: number;
}

/** A key of a table and how many items were written to it in an interval. */
export interface KeyHeat {
  readonly table: number;
  readonly key: string;
  readonly writes: number;
}

/** Counts what this process reads and writes, by tree and by key, until it is taken. Its memory is bounded; of very many keys the counts of the hottest may be a little high. */
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

  /** The hottest trees and keys since the last call, the hottest first. */
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
