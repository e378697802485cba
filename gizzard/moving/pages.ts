import { isId } from '../../core/index.js';
import type { Host } from '../backend.js';
import { keyHash } from '../hashes/index.js';
import type { ShardInfo } from '../topology/types.js';
import type { MovableTable } from './movable.js';
import type { Difference, HashRange } from './moveTask.js';

export interface MovedPage {
  /** Where the next page starts; undefined at the end of the table. */
  readonly end: string | undefined;
  readonly rows: number;
  readonly differences: readonly Difference[];
  /** Milliseconds spent waiting for writes in progress, without asking any host. */
  readonly waitedMs?: number;
}

/** A shard that takes part in a move. */
export interface HostedShard {
  readonly host: Host;
  readonly shard: ShardInfo;
}

/** The rows whose hash is in the range. */
export function within(
  table: MovableTable,
  range: HashRange | undefined,
  rows: readonly unknown[],
): readonly unknown[] {
  if (range === undefined) return rows;
  const hash = keyHash(range.hash);
  return rows.filter((row) => {
    const key = table.routingKey(row);
    if (!isId(key)) return false;
    const value = hash.hash(key);
    return value >= range.from && value < range.to;
  });
}
