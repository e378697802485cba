import type { Deadline } from '../core/index.js';
import { mysqlBackendName } from '../mysql/index.js';
import type { Host } from './backend.js';
import type { Movable } from './moving/movable.js';
import type { ShardAttributes } from './shardAttributes.js';
import type { ShardId, ShardInfo } from './topology/types.js';

/**
 * One step of a shard's schema. It runs during reads and writes, possibly several times and on newer tables: it must
 * be idempotent. Earlier releases' servers write the shard until its new version is noted, and read it longer; so a
 * step adds only what they do not need, and removes only what no release that may run beside this one uses.
 */
export interface ShardUpgrade<H extends Host = Host> {
  /** For people, as `add the column language`. */
  readonly title: string;
  run(host: H, shard: ShardInfo, deadline: Deadline): Promise<void>;
}

/** The definition of the tables behind a leaf. `H` are the hosts of its backend. */
export interface ShardType<H extends Host = Host> {
  /** The type's name in the topology. */
  readonly name: string;
  /** The backend of its shards. Absent: `mysql`. */
  readonly backend?: string;
  /**
   * Attributes that a shard is created with. A shard with values that are not allowed is refused before any of it is
   * created. Absent: none.
   */
  readonly attributes?: ShardAttributes;
  /** Creates missing tables of the shard. Idempotent. */
  create(host: H, shard: ShardInfo, deadline: Deadline): Promise<void>;
  /**
   * Upgrades of a shard's schema: the first from version 1 to 2, and so on. `create` makes tables of the newest
   * version, which is one more than the number of upgrades. Absent: there is only version 1. See `ShardUpgrade`.
   */
  readonly upgrades?: readonly ShardUpgrade<H>[];
  /**
   * How shards are copied, compared and dropped. Absent: they cannot be, and transformations that would need it are
   * refused.
   */
  readonly moving?: Movable<H>;
  /**
   * Nodes that deny reads or writes below them on purpose, such as for keys without a place yet. The doctor does not
   * report them.
   */
  readonly deniesOnPurpose?: readonly ShardId[];
}

/** The newest schema version of a type's shards; 1 for a node and for an unknown type. */
export const newestSchema = (type: ShardType | undefined): number => 1 + (type?.upgrades?.length ?? 0);

export const backendOf = ({ backend = mysqlBackendName }: ShardType): string => backend;
