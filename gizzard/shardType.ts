import type { Deadline } from '../core/index.js';
import { mysqlBackendName } from '../mysql/index.js';
import type { Host } from './backend.js';
import type { Movable } from './moving/movable.js';
import type { ShardId, ShardInfo } from './topology/types.js';

/** What an application tells Gizzard of the tables behind its leaves. `H` are the hosts of its backend. */
export interface ShardType<H extends Host = Host> {
  /** The name that shards of this type carry in the topology. */
  readonly name: string;
  /** The backend that its shards live on. Absent: `mysql`. */
  readonly backend?: string;
  /** Makes the shard's tables where they are missing. Repeating it changes nothing. */
  create(host: H, shard: ShardInfo, deadline: Deadline): Promise<void>;
  /** How shards are copied, compared and taken away. Absent: they are not, and transformations that would have to are refused. */
  readonly moving?: Movable<H>;
  /** Nodes that keep reads or writes from what is below them on purpose, such as for keys that have no place yet. The doctor does not name them. */
  readonly deniesOnPurpose?: readonly ShardId[];
}

export const backendOf = ({ backend = mysqlBackendName }: ShardType): string => backend;
