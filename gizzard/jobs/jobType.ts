import type { Deadline, Micros, Priority } from '../../core/index.js';
import type { Host } from '../backend.js';
import type { Leaf } from '../routing/route.js';
import type { Topology } from '../topology/topology.js';
import type { NewJob } from './journal.js';

/** A job that results from applying another. */
export interface FollowUp {
  readonly kind: string;
  readonly payload: Buffer;
  /** As in `NewJob`. */
  readonly version?: number;
  /** Keys of the leaves that it is for; absent: every leaf of its items. */
  readonly leaves?: readonly string[];
  /** Absent: the priority of the job that it results from. */
  readonly priority?: Priority;
}

/** Bounds for jobs from outside. */
export interface JobBounds {
  readonly topology: Topology;
  /** The latest time that a write may carry, in microseconds. */
  readonly latest: Micros;
}

/**
 * The definition of one kind of job. `H` are the hosts of the leaves' backend.
 *
 * Jobs arrive at least once, in any order, and several are applied together: `apply` must be idempotent and
 * commutative.
 */
export interface JobType<Item = unknown, H extends Host = Host> {
  readonly kind: string;
  /**
   * The newest payload version known here, which new jobs get; absent: 1. The journal's entry carries it. A job of a
   * later version never reaches `split`: it waits for a server that knows it. So raise the version with each change
   * of the payload's form, and keep reading older ones.
   */
  readonly version?: number;
  /** Items applied to a leaf at once. Absent: a number that suits small rows. */
  readonly itemsAtOnce?: number;
  /**
   * Splits a payload of any known version: calls `add` with the table and key that each item belongs to. Throws
   * `DataLoss` for a malformed payload, which gives the job up at once, and `UnknownJob` if the payload itself has a
   * later version: see `requirePayloadVersion`.
   */
  split(payload: Buffer, add: (tableId: number, key: bigint, item: Item) => void, version: number): void;
  /**
   * Checks a job from outside (the job injector, another cluster, an operator's file) against the limits that
   * services set their callers: amounts, ids, times. Throws `InvalidArgument`. Called after `split` has accepted all
   * items. Absent: `split` refuses everything that must be refused.
   */
  check?(payload: Buffer, bounds: JobBounds, version: number): void;
  /**
   * Whether the job's writes follow from other jobs' writes and are made anew after a restore, so that backups can
   * skip it. Absent: no.
   */
  readonly derived?: true;
  /** The payload as JSON for people, who may also write such jobs. Absent: only the exact form exists. */
  toJson?(payload: Buffer, version: number): unknown;
  /** Parses a job that people wrote. Throws `InvalidArgument`. */
  fromJson?(json: unknown): Pick<NewJob, 'payload' | 'times'> | Promise<Pick<NewJob, 'payload' | 'times'>>;
  /**
   * Applies items to one leaf. If it throws, all of them are retried. The returned jobs are journaled before the
   * items count as applied; applying the same items again must return them again.
   */
  apply(host: H, leaf: Leaf, items: readonly Item[], deadline: Deadline): Promise<readonly FollowUp[]>;
  /**
   * Removes cached entries of the items: a reader may have cached data from a replica that lacks them. Called for
   * items that failed on a replica, after reads avoid it and before a caller learns that other replicas have them.
   * Absent: no cache holds such items. If it throws `Unavailable`, the caller is told that the write is not applied
   * yet.
   */
  forget?(items: readonly Item[]): Promise<void>;
}

/**
 * A kind of job that writes no leaf: the worker that takes it runs it once. It reads through stores and journals
 * further jobs, page by page if there are many.
 *
 * Jobs arrive at least once: every run must have the same effect, or an equivalent one.
 */
export interface ClusterJobType extends Pick<
  JobType,
  'kind' | 'version' | 'check' | 'derived' | 'toJson' | 'fromJson'
> {
  readonly split?: undefined;
  /**
   * Does the job. The returned jobs are journaled before it counts as done. Throws `DataLoss` for a malformed
   * payload, which gives the job up at once. After a retryable error the job is retried, any number of times.
   */
  run(payload: Buffer, deadline: Deadline, version: number): Promise<readonly FollowUp[]>;
}

export type AnyJobType = JobType | ClusterJobType;
