import type { Deadline, Micros, Priority } from '../../core/index.js';
import type { Host } from '../backend.js';
import type { Leaf } from '../routing/route.js';
import type { Topology } from '../topology/topology.js';
import type { NewJob } from './journal.js';

/** A job that applying another brought about. */
export interface FollowUp {
  readonly kind: string;
  readonly payload: Buffer;
  /** As in `NewJob`. */
  readonly version?: number;
  /** Keys of the only leaves it is for; absent: every leaf that its items belong to. */
  readonly leaves?: readonly string[];
  /** Absent: that of the job that brought it about. */
  readonly priority?: Priority;
}

/** What a job from outside is held against. */
export interface JobBounds {
  readonly topology: Topology;
  /** The latest time, in microseconds, that a write may bring. */
  readonly latest: Micros;
}

/**
 * What an application tells Gizzard of one kind of job. `H` are the hosts of the backend that its leaves live on.
 *
 * Jobs arrive at least once, in any order and any number of times, and several of them are applied together: `apply` must be idempotent and commutative.
 */
export interface JobType<Item = unknown, H extends Host = Host> {
  readonly kind: string;
  /**
   * The newest version of the payload that is known here, and the one that new jobs are journaled with; absent: 1. A job's version stands in its entry of the journal. One of a later version never
   * reaches `split`: it waits for a server that knows it. So whoever changes a payload's form raises the version, and goes on reading the older ones.
   */
  readonly version?: number;
  /** Items applied to a leaf at once. Absent: as many as suit small rows. */
  readonly itemsAtOnce?: number;
  /**
   * Takes a payload of some version apart: `add` is called with the table and key that each item belongs to. Throws `DataLoss` where the payload is malformed: such a job is given up at once.
   * Throws `UnknownJob` where the payload itself says that it is of a later version: see `requirePayloadVersion`.
   */
  split(payload: Buffer, add: (tableId: number, key: bigint, item: Item) => void, version: number): void;
  /**
   * Holds a job that came from outside (the job injector, another cluster, an operator's file) to what the services hold their callers to: how much, which ids, which times.
   * Throws `InvalidArgument`. Called after `split`, which all of its items have passed.
   * Absent: `split` refuses all that is to be refused.
   */
  check?(payload: Buffer, bounds: JobBounds, version: number): void;
  /** Whether what the job writes follows from what other jobs write, and is made anew after a restore: a backup does without it. Absent: no. */
  readonly derived?: true;
  /** The payload as JSON for people, who may write such jobs themselves. Absent: there is only the exact form. */
  toJson?(payload: Buffer, version: number): unknown;
  /** A job that people wrote. Throws `InvalidArgument`. */
  fromJson?(json: unknown): Pick<NewJob, 'payload' | 'times'> | Promise<Pick<NewJob, 'payload' | 'times'>>;
  /**
   * Applies items to one leaf; when it throws, all of them are tried again. The jobs that it returns are journaled before the items count as applied;
   * applying the same items again must return them again.
   */
  apply(host: H, leaf: Leaf, items: readonly Item[], deadline: Deadline): Promise<readonly FollowUp[]>;
  /**
   * Makes caches forget the items: a reader may have put in what it found on a replica that lacks them. Called where items failed on a replica, once reads avoid it, and before a caller is told
   * that other replicas have them. Absent: no cache holds such items. Throws `Unavailable`; the caller is then told that the write is not applied yet.
   */
  forget?(items: readonly Item[]): Promise<void>;
}

/**
 * A kind of job that writes no leaf: it is done once, by whichever worker takes it. It reads through stores, and journals what follows, page by page where that is much.
 *
 * Jobs arrive at least once: `run` must bring about the same, or something that comes to the same, whenever it runs again.
 */
export interface ClusterJobType extends Pick<
  JobType,
  'kind' | 'version' | 'check' | 'derived' | 'toJson' | 'fromJson'
> {
  readonly split?: undefined;
  /**
   * Does the job. The jobs that it returns are journaled before it counts as done. Throws `DataLoss` where the payload is malformed; the job is then given up at once. A job whose error is worth a
   * retry is tried again, however often that takes.
   */
  run(payload: Buffer, deadline: Deadline, version: number): Promise<readonly FollowUp[]>;
}

export type AnyJobType = JobType | ClusterJobType;
