import type { Deadline } from '../core/index.js';
import { mysqlBackendName } from '../mysql/index.js';
import type { Host } from './backend.js';
import type { Movable } from './moving/movable.js';
import type { ShardAttributes } from './shardAttributes.js';
import type { ShardId, ShardInfo } from './topology/types.js';

/**
 * One step of a shard's schema. It runs while the shard is read and written, perhaps several times and on a table that is newer: repeating it changes nothing. Servers of before write the shard
 * until its new version is noted, and read it longer, so a step adds what they do not need, and takes away only what no release that may run beside this one uses.
 */
export interface ShardUpgrade<H extends Host = Host> {
  /** For people, as `add the column language`. */
  readonly title: string;
  run(host: H, shard: ShardInfo, deadline: Deadline): Promise<void>;
}

/** What an application tells Gizzard of the tables behind its leaves. `H` are the hosts of its backend. */
export interface ShardType<H extends Host = Host> {
  /** The name that shards of this type carry in the topology. */
  readonly name: string;
  /** The backend that its shards live on. Absent: `mysql`. */
  readonly backend?: string;
  /** What a shard of this type is made with. A shard whose values do not hold is refused before anything of it is made. Absent: nothing. */
  readonly attributes?: ShardAttributes;
  /** Makes the shard's tables where they are missing. Repeating it changes nothing. */
  create(host: H, shard: ShardInfo, deadline: Deadline): Promise<void>;
  /**
   * What brings the tables of a shard from one schema version to the next: the first from version 1 to 2, and so on. `create` makes tables of the newest version, one more than there are upgrades.
   * Absent: there is version 1 alone. See `ShardUpgrade`.
   */
  readonly upgrades?: readonly ShardUpgrade<H>[];
  /** How shards are copied, compared and taken away. Absent: they are not, and transformations that would have to are refused. */
  readonly moving?: Movable<H>;
  /** Nodes that keep reads or writes from what is below them on purpose, such as for keys that have no place yet. The doctor does not name them. */
  readonly deniesOnPurpose?: readonly ShardId[];
}

/** The newest schema version of a type's shards; 1 for a node and for a type that is not known. */
export const newestSchema = (type: ShardType | undefined): number => 1 + (type?.upgrades?.length ?? 0);

export const backendOf = ({ backend = mysqlBackendName }: ShardType): string => backend;
