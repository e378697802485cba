import { type Priority, RoostError } from '../../core/index.js';

/** A shard's name: the database host it lives on and the prefix of its tables there. Routing nodes have a host too, in name only. */
export interface ShardId {
  readonly hostname: string;
  readonly tablePrefix: string;
}

/** What a copy, repair or diff is doing to a shard. The number is its value in the name server and on the manager's wire. */
export const busyStates = ['normal', 'busy', 'error', 'cancelled'] as const;
export type BusyState = (typeof busyStates)[number];

/** Named values that a shard has, as its type says: see `ShardType.attributes`. As JSON at most `maxAttributesChars`. */
export type Attributes = Readonly<Record<string, string>>;
export const maxAttributesChars = 255;

export interface ShardInfo {
  readonly id: ShardId;
  /** A node type (`replicating`, …) or the name of an application's shard type (`flock`, …). */
  readonly type: string;
  /** Those that are not the defaults of its type. */
  readonly attributes: Attributes;
  readonly busy: BusyState;
  /** Of its tables, as its type counts: see `ShardType.upgrades`. Absent: 1. */
  readonly schemaVersion?: number;
}

export interface Link {
  readonly parent: ShardId;
  readonly child: ShardId;
  /** Share of the reads among the children of one parent. 0: none. */
  readonly weight: number;
}

/** Keys whose hash is at or above `baseId`, up to the next forwarding's, go to `shard`. */
export interface Forwarding {
  readonly tableId: number;
  readonly baseId: bigint;
  readonly shard: ShardId;
}

/** Scales every link weight to leaves on this host. 0 denies reads, or writes. */
export interface HostWeight {
  readonly hostname: string;
  readonly read: number;
  readonly write: number;
}

/** A set of forwardings under one number: what it is called, whose it is, and how its keys are hashed. */
export interface TableInfo {
  readonly tableId: number;
  readonly name: string;
  /** The service that owns the table, such as `flock`. */
  readonly service: string;
  readonly hash: string;
}

/** What becomes of the jobs for a remote host: they are sent, dropped, or kept until it is unblocked. The place is its number on the manager's wire. */
export const remoteStatuses = ['normal', 'blackholed', 'blocked'] as const;
export type RemoteStatus = (typeof remoteStatuses)[number];

/** A job injector of another cluster, to which the writes that this cluster accepts are replicated. */
export interface RemoteHost {
  readonly hostname: string;
  readonly port: number;
  readonly cluster: string;
  readonly status: RemoteStatus;
}

/** A copy of every job of a priority, in a stream of its own, for onlookers. */
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
  /** Priorities whose jobs are journaled but not worked on. */
  readonly pausedPriorities: readonly Priority[];
  readonly fanouts: readonly Fanout[];
}

/** What a name server holds before the first change. */
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

/** A shard id as text, `host/prefix`: the key of maps, and what users read and type. */
export const shardKey = (id: ShardId): string => `${id.hostname}/${id.tablePrefix}`;

const hostPattern = /^[A-Za-z0-9_.:-]{1,64}$/;
const prefixPattern = /^[A-Za-z0-9_]{1,54}$/;

/** Checks both parts: prefixes become part of table names, which are the only text that enters SQL unbound. Throws `InvalidArgument` that quotes the text. */
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
