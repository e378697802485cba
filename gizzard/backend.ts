import type { Deadline, Health, RoostError } from '../core/index.js';
import type { ShardInfo } from './topology/types.js';

/**
 * One server of a backend. Shard types and job types get it as their backend made it, with sessions of its own kind;
 * this interface has only what Gizzard itself needs.
 */
export interface Host {
  readonly name: string;
  /** Learned from the requests to it. */
  readonly health: Pick<Health, 'healthy' | 'down' | 'reason'>;
  /** Asks for a sign of life, within its own time limit. Never throws. */
  answers(): Promise<boolean>;
  /** Its own clock, in milliseconds since 1970. */
  clockMs(deadline: Deadline): Promise<number>;
  /** Its present load. Absent: moves are throttled by the time of their pages alone. */
  load?(deadline: Deadline): Promise<HostLoad>;
  /**
   * Seconds behind the server that it replicates; undefined if it replicates none, or does not tell. Absent: the
   * backend has no such thing.
   */
  lagSeconds?(deadline: Deadline): Promise<number | undefined>;
  /** Free room. Absent: unknown, and not checked before a copy. */
  room?(deadline: Deadline): Promise<HostRoom>;
}

export interface HostLoad {
  /** Requests answered since its start, from anybody. */
  readonly requests: number;
  /** Requests in progress. */
  readonly running: number;
}

export interface HostRoom {
  readonly usedBytes: number;
  /** Undefined if unknown. */
  readonly freeBytes: number | undefined;
  /** What is free and why, as the end of a sentence; if unknown, what an operator can do about it. */
  readonly text: string;
}

/** One check of a host. `fault`: Roost cannot work with the host. `warning`: it can, at a risk. */
export interface HostLook {
  /** The name of the check, one word such as `version`. */
  readonly what: string;
  readonly state: 'good' | 'warning' | 'fault';
  readonly text: string;
}

/**
 * A kind of server that holds leaves: its hosts, and what Gizzard needs of each. Shard types define how a shard is
 * created, copied, compared and dropped; each names its backend. Leaves of one cluster may be on several backends.
 * The topology, the control tables and the journal's epochs are always on MySQL.
 */
export interface Backend<H extends Host = Host> {
  /** The name that shard types and people use, such as `mysql`. */
  readonly name: string;
  /** The hosts in its part of the configuration. A host name belongs to one backend. */
  readonly names: readonly string[];
  /**
   * A host, always as the same object; connections open on demand. Throws `Unavailable` once the backend is closed.
   */
  host(name: string): H;
  /** The shards of each host whose data was set aside. */
  readonly dropped: DroppedList<H>;
  /**
   * Whether an error concerns the written data, so that every attempt would meet it. Any other error concerns the
   * host, and the job waits. Absent: `DataLoss`, `InvalidArgument` and `Internal` concern the data.
   */
  namesData?(error: RoostError): boolean;
  /**
   * Sentences about what keeps a host from use or, with `makesShards`, from getting new shards. Absent: only whether
   * it answers.
   */
  problems?(host: H, makesShards: boolean, deadline: Deadline): Promise<string[]>;
  /**
   * Checks everything that Roost needs of a host besides an answer, room and the right time. `servers` is the number
   * of servers that will connect. Absent: nothing.
   */
  check?(host: H, servers: number): Promise<HostLook[]>;
  /** Closes connections once the work in progress on them has ended. */
  close(): Promise<void>;
}

/** A shard whose data was set aside. */
export interface DroppedShard {
  /**
   * The name of its data on the host: when it was dropped, and which shard it was. At most `maxAsideNameChars`. Never
   * reused.
   */
  readonly name: string;
  /** The shard before the drop. */
  readonly shard: ShardInfo;
  /** The reason, for people. */
  readonly why: string;
  /** Milliseconds since 1970, by the clock of the shard's host. */
  readonly droppedAtMs: number;
  readonly keepUntilMs: number;
}

/** A shard that its host still keeps. */
export interface KeptShard extends DroppedShard {
  /** Bytes that its data takes, with indexes: an estimate. Absent where the backend does not tell. */
  readonly bytes?: number;
}

export const maxAsideNameChars = 54;

/** The list that each host keeps of its dropped shards, beside their data. */
export interface DroppedList<H extends Host = Host> {
  /** Adds a shard; creates the list and the place for set-aside data if they are missing. */
  add(host: H, dropped: DroppedShard, deadline: Deadline): Promise<void>;
  /**
   * Newest first. `held`: whether the data exists; a process may have died between the two steps. Empty if nothing
   * was ever dropped.
   */
  list(host: H, deadline: Deadline): Promise<{ readonly dropped: KeptShard; readonly held: boolean }[]>;
  remove(host: H, name: string, deadline: Deadline): Promise<void>;
}
