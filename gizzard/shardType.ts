import type { Deadline } from '../core/index.js';
import type { DatabaseHost } from './hosts/databaseHost.js';
import type { ShardInfo } from './topology/types.js';

/** What an application tells Gizzard of the tables behind its leaves. */
export interface ShardType {
  /** The name that shards of this type carry in the topology. */
  readonly name: string;
  /** Makes the shard's tables where they are missing. Repeating it changes nothing. */
  create(host: DatabaseHost, shard: ShardInfo, deadline: Deadline): Promise<void>;
}
