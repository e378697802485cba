import type { Deadline } from '../../core/index.js';
import type { DatabaseHost } from '../hosts/databaseHost.js';
import type { Leaf } from '../routing/route.js';

/**
 * What an application tells Gizzard of one kind of job.
 *
 * Jobs arrive at least once, in any order and any number of times, and several of them are applied together: `apply` must be idempotent and commutative.
 */
export interface JobType<Item = unknown> {
  readonly kind: string;
  /** Takes a payload apart: `add` is called with the table and key that each item belongs to. Throws where the payload is malformed. */
  split(payload: Buffer, add: (tableId: number, key: bigint, item: Item) => void): void;
  /** Applies items to one leaf, in one transaction: all of them or none. */
  apply(host: DatabaseHost, leaf: Leaf, items: readonly Item[], deadline: Deadline): Promise<void>;
}
