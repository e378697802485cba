import { type Priority, RoostError } from '../../core/index.js';

/** A shard's name: its database host, and the prefix of its tables there. Routing nodes have a host in name only. */
export interface ShardId {
  readonly hostname: string;
  readonly tablePrefix: string;
}

/** A shard's part in a copy, repair or diff. The index is its number in the name server and on the manager's wire. */
export const busyStates = ['normal', 'busy', 'error', 'cancelled'] as const;
export type BusyState = (typeof busyStates)[number];

/**
 * Named values of a shard, which its type defines: see `ShardType.attributes`. At most `maxAttributesChars` as JSON.
 */
export type Attributes = Readonly<Record<string, string>>;
export const maxAttributesChars = 255;

export interface ShardInfo {
  readonly id: ShardId;
  /** A node type (`replicating`, …) or an application's shard type (`flock`, …). */
  readonly type: string;
  /** Attributes that differ from its type's defaults. */
  readonly attributes: Attributes;
  readonly busy: BusyState;
  /** The version of its tables' schema: see `ShardType.upgrades`. Absent: 1. */
  readonly schemaVersion?: number;
}

export interface Link {
  readonly parent: ShardId;
  readonly child: ShardId;
  /** Share of the reads among siblings. 0: none. */
  readonly weight: number;
}

/** Keys with a hash from `baseId` up to the next forwarding's go to `shard`. */
export interface Forwarding {
  readonly tableId: number;
  readonly baseId: bigint;
  readonly shard: ShardId;
}

/** Scales all link weights to leaves on this host. 0 denies reads, or writes. */
export interface HostWeight {
  readonly hostname: string;
  readonly read: number;
  readonly write: number;
}

/** A set of forwardings under one number: its name, its owner, and the hash of its keys. */
export interface TableInfo {
  readonly tableId: number;
  readonly name: string;
  /** The service that owns the table, such as `flock`. */
  readonly service: string;
  readonly hash: string;
}

/**
 * What happens to jobs for a remote host: they are sent, dropped, or kept until it is unblocked. The index is its
 * number on the manager's wire.
 */
export const remoteStatuses = ['normal', 'blackholed', 'blocked'] as const;
export type RemoteStatus = (typeof remoteStatuses)[number];

/** Another cluster's job injector, to which this cluster's accepted writes are replicated. */
export interface RemoteHost {
  readonly hostname: string;
  readonly port: number;
  readonly cluster: string;
  readonly status: RemoteStatus;
}

/** A copy of every job of a priority, in its own stream, for onlookers. */
export interface Fanout {
  readonly priority: Priority;
  readonly suffix: string;
}

/** The whole content of a name server. */
export interface TopologyState {
  readonly version: number;
  readonly tables: readonly TableInfo[];
  readonly shards: readonly ShardInfo[];
  readonly links: readonly Link[];
  readonly forwardings: readonly Forwarding[];
  readonly hostWeights: readonly HostWeight[];
  readonly remoteHosts: readonly RemoteHost[];
  /** Priorities whose jobs are journaled and not worked on. */
  readonly pausedPriorities: readonly Priority[];
  readonly fanouts: readonly Fanout[];
}

/** A name server's content before the first change. */
export const emptyTopology: TopologyState = {
  version: 0,
  tables: [],
  shards: [],
  links: [],
  forwardings: [],
  hostWeights: [],
  remoteHosts: [],
  pausedPriorities: [],
  fanouts: [],
};

/** A shard id as text, `host/prefix`: a key of maps, and what users read and type. */
export const shardKey = (id: ShardId): string => `${id.hostname}/${id.tablePrefix}`;

const hostPattern = /^[A-Za-z0-9_.:-]{1,64}$/;
const prefixPattern = /^[A-Za-z0-9_]{1,54}$/;

/**
 * Checks both parts: prefixes become part of table names, the only text that enters SQL unbound. Throws
 * `InvalidArgument` with the text.
 */
export function parseShardId(text: string): ShardId {
  const slash = text.indexOf('/');
  return checkedShardId({ hostname: text.slice(0, Math.max(slash, 0)), tablePrefix: text.slice(slash + 1) }, text);
}

export const validShardId = (id: ShardId): ShardId => checkedShardId(id, shardKey(id));

function checkedShardId(id: ShardId, typed: string): ShardId {
  if (hostPattern.test(id.hostname) && prefixPattern.test(id.tablePrefix)) return id;
  throw new RoostError(
    'InvalidArgument',
    `${JSON.stringify(typed)} is no shard id: it must be host/prefix, the prefix of letters, digits and _ (at most 54)`,
    {
      fields: { shard: typed },
    },
  );
}
