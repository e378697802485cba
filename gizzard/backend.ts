import type { Deadline, Health, RoostError } from '../core/index.js';
import type { ShardInfo } from './topology/types.js';

/**
 * One server of a backend. Shard types and job types get it as their backend made it, with sessions of its own kind; what stands here is all that Gizzard
 * itself asks of it.
 */
export interface Host {
  readonly name: string;
  /** Learnt from the requests to it. */
  readonly health: Pick<Health, 'healthy' | 'down' | 'reason'>;
  /** Asks for a sign of life, within a bound of its own. Never throws. */
  answers(): Promise<boolean>;
  /** Its own clock, in milliseconds since 1970. */
  clockMs(deadline: Deadline): Promise<number>;
  /** How busy it is now. Absent: moves go by the time alone that their pages take. */
  load?(deadline: Deadline): Promise<HostLoad>;
  /** How far it is behind the server that it replicates; undefined where it replicates none, or does not tell. Absent: its backend has no such thing. */
  lagSeconds?(deadline: Deadline): Promise<number | undefined>;
  /** Absent: nobody can tell, and nobody looks before a copy. */
  room?(deadline: Deadline): Promise<HostRoom>;
}

export interface HostLoad {
  /** Requests that it has ever answered, whoever asked. */
  readonly requests: number;
  /** Requests that it works on. */
  readonly running: number;
}

export interface HostRoom {
  readonly usedBytes: number;
  /** Undefined where nobody can tell. */
  readonly freeBytes: number | undefined;
  /** What is free, and why, as the end of a sentence; where nobody can tell, what an operator does about it. */
  readonly text: string;
}

/** One thing that was looked at on a host. `fault`: Roost cannot work with the host. `warning`: it can, and something is risked. */
export interface HostLook {
  /** A word: `version`. */
  readonly what: string;
  readonly state: 'good' | 'warning' | 'fault';
  readonly text: string;
}

/**
 * A kind of server that leaves live on: its hosts, and what Gizzard asks of each. How a shard is made, copied, compared and taken away is said by shard types,
 * each of which names its backend. Leaves of one cluster may be of several backends. The topology, the control tables and the journal's epochs are always on MySQL.
 */
export interface Backend<H extends Host = Host> {
  /** As shard types name it, and people know it: `mysql`. */
  readonly name: string;
  /** The hosts of its part of the configuration. A name belongs to one backend. */
  readonly names: readonly string[];
  /** One of them, always the same object; connections are made when they are needed. Throws `Unavailable` once the backend is closed. */
  host(name: string): H;
  /** The shards of each host whose data is set aside. */
  readonly dropped: DroppedList<H>;
  /**
   * Whether an error is the fault of what was to be written, so that every attempt meets it. Any other is of the place, and the job waits.
   * Absent: `DataLoss`, `InvalidArgument` and `Internal` are.
   */
  namesData?(error: RoostError): boolean;
  /** Sentences on what keeps a host from being used, `makesShards`: from having new shards. Absent: nothing but that it does not answer. */
  problems?(host: H, makesShards: boolean, deadline: Deadline): Promise<string[]>;
  /** Looks at all that Roost needs of a host beside an answer, room and the right time. `servers` are to connect to it. Absent: nothing. */
  check?(host: H, servers: number): Promise<HostLook[]>;
  /** Ends what connections there are, after what is under way on them. */
  close(): Promise<void>;
}

/** A shard whose data was set aside. */
export interface DroppedShard {
  /** The name of its data among what is set aside on its host: when it was dropped, and which shard it was. At most `maxAsideNameChars`. Never used twice. */
  readonly name: string;
  /** The shard as it was. */
  readonly shard: ShardInfo;
  /** For people: what dropped it. */
  readonly why: string;
  /** By the clock of the shard's host, in milliseconds since 1970. */
  readonly droppedAtMs: number;
  readonly keepUntilMs: number;
}

/** A shard that its host still keeps. */
export interface KeptShard extends DroppedShard {
  /** Bytes that its data takes, with indexes: an estimate. Absent where the backend does not tell. */
  readonly bytes?: number;
}

export const maxAsideNameChars = 54;

/** What each host keeps of the shards that were dropped on it, beside their data. */
export interface DroppedList<H extends Host = Host> {
  /** Makes the list, and the place of what is set aside, where they are missing. */
  add(host: H, dropped: DroppedShard, deadline: Deadline): Promise<void>;
  /** The newest first. `held`: whether its data is there; a process may have died between the two. Empty where nothing was ever dropped. */
  list(host: H, deadline: Deadline): Promise<{ readonly dropped: KeptShard; readonly held: boolean }[]>;
  remove(host: H, name: string, deadline: Deadline): Promise<void>;
}
