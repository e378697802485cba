import { isId, isRoostError } from '../../core/index.js';
import type { Route } from '../routing/route.js';
import type { Topology } from '../topology/topology.js';
import { shardKey, type ShardId } from '../topology/types.js';

/** The keys that a topology leads to a leaf. */
export class ShardKeys {
  /** The tables whose trees contain the leaf. */
  readonly tableIds: readonly number[];
  readonly #leaf: string;

  constructor(
    private readonly topology: Topology,
    leaf: ShardId,
  ) {
    this.#leaf = shardKey(leaf);
    this.tableIds = topology.tables
      .map(({ tableId }) => tableId)
      .filter((tableId) => topology.routes(tableId).some((route) => this.#isIn(route)));
  }

  /** Whether a key leads here in any of the tables. */
  holds(key: bigint): boolean {
    return this.tableIds.some((tableId) => {
      const route = this.#route(tableId, key);
      return route !== undefined && this.#isIn(route);
    });
  }

  /** The tree that a key leads to, or why there is not exactly one. */
  homeOf(key: bigint): Route | string {
    const [tableId, ...others] = this.tableIds;
    // Rows do not tell their table.
    if (tableId === undefined || others.length > 0) return `${this.#leaf} serves ${this.tableIds.length} tables`;
    if (!isId(key)) return `no id is ${key}`;
    return this.#route(tableId, key) ?? `table ${tableId} forwards its key nowhere`;
  }

  #isIn = ({ leaves }: Route): boolean => leaves.some(({ key }) => key === this.#leaf);

  #route(tableId: number, key: bigint): Route | undefined {
    if (!isId(key)) return undefined;
    try {
      return this.topology.route(tableId, key);
    } catch (error) {
      if (isRoostError(error, 'NotFound')) return undefined;
      throw error;
    }
  }
}
