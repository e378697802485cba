import {
  appendTo,
  Deadline,
  groupBy,
  priorities,
  type Priority,
  RoostError,
  Semaphore,
  type Trace,
  type Tracing,
} from '../../core/index.js';
import type { Log } from '../../process/index.js';
import type { Hosts } from '../hosts.js';
import { Heat } from '../routing/heat.js';
import type { Leaf, Route } from '../routing/route.js';
import { shardKey } from '../topology/types.js';
import type { Topology } from '../topology/topology.js';
import type { JobEntry } from './jobEntry.js';
import type { AnyJobType, ClusterJobType, JobType } from './jobType.js';
import { type Enqueue, LeafWriter } from './leafWriter.js';
import { UnknownJob, waitingFor } from './unknownJobs.js';

/**
 * Concurrent transactions on one host. More would only wait for the same disk and locks, and take connections from
 * reads.
 */
const transactionsPerHost = 4;

/** Concurrent jobs of one priority that write no leaf: each reads about a page, and holds what it journals. */
const clusterJobsAtOnce = 8;

/** The rest of a job on one host. */
export interface HostFailure {
  /** '' if the job failed before it reached any host; `waitingFor` and its kind if that is unknown here. */
  readonly host: string;
  /** Leaves that remain. `undefined`: nothing was placed, and all of the job is to be retried. */
  readonly leaves: readonly string[] | undefined;
  readonly error: RoostError;
  /** Whether the attempt counts toward the error limit: only if the job itself is at fault. */
  readonly counts: boolean;
}

/** The outcome of a job. */
export interface JobOutcome {
  /** Empty: the job is done. */
  readonly failures: readonly HostFailure[];
  /** Whether each part of the job is on at least one replica; on one that serves reads, if there is any. */
  readonly readable: boolean;
  /** Whether one of its trees refuses or drops writes, perhaps only in a topology that has been replaced since. */
  readonly refused?: boolean;
  /** Whether another worker should take it at once: it goes back to the end of the queue unchanged. */
  readonly handBack?: true;
  /** Whether this server does not know the job's kind or version. */
  readonly unknownHere?: true;
  /** The topology under which it ran. */
  readonly topologyVersion: number;
}

type Placed = Omit<JobOutcome, 'topologyVersion'>;

/** Splits a job, applies each part to every leaf that takes writes, and reports what remains. */
export class JobRunner {
  readonly #types: ReadonlyMap<string, AnyJobType>;
  readonly #writers = new Map<string, LeafWriter<unknown>>();
  readonly #slots = new Map<string, Semaphore>();
  readonly #clusterJobs = new Map(priorities.map((priority) => [priority, new Semaphore(clusterJobsAtOnce)]));
  /** The number of running jobs under each topology. */
  readonly #inWork = new Map<number, number>();

  constructor(
    types: ReadonlyMap<string, AnyJobType>,
    private readonly topology: () => Topology,
    private readonly hosts: Hosts,
    private readonly log: Log,
    private readonly applyDeadlineMs: number,
    private readonly enqueue: Enqueue,
    /** Checks for a newer topology. */
    private readonly lookAnew: () => Promise<void> = () => Promise.resolve(),
    /** Whether there are shards that this server cannot write properly, and others may. */
    private readonly unable: (topology: Topology) => boolean = () => false,
    private readonly heat: Heat = new Heat(),
    private readonly tracing?: Tracing,
  ) {
    this.#types = types;
  }

  /** The oldest topology of a running job; undefined if none runs. */
  get oldestVersion(): number | undefined {
    return this.#inWork.size === 0 ? undefined : Math.min(...this.#inWork.keys());
  }

  run(job: JobEntry, priority: Priority): Promise<JobOutcome> {
    const trace = this.tracing?.continue(job.trace);
    if (trace === undefined) return this.#runUntilCurrent(job, priority);
    const attributes = { 'roost.priority': priority, 'roost.attempts': job.attempts };
    return trace.inSpan(
      `job ${job.kind}`,
      'consumer',
      attributes,
      (own) => this.#runUntilCurrent(job, priority, own),
      ({ failures }) => failures[0]?.error,
    );
  }

  async #runUntilCurrent(job: JobEntry, priority: Priority, trace?: Trace): Promise<JobOutcome> {
    const outcome = await this.#runUnder(this.topology(), job, priority, trace);
    if (outcome.refused !== true) return outcome;
    await this.lookAnew().catch((error: unknown) =>
      this.log.debug({ err: error }, 'a tree refused a job, and the topology cannot be read'),
    );
    const topology = this.topology();
    return topology.version === outcome.topologyVersion ? outcome : this.#runUnder(topology, job, priority, trace);
  }

  /** Removes cached entries of a job's items that some replicas lack. Throws `Unavailable`. */
  async forget({
    kind,
    payload,
    version,
  }: Pick<JobEntry, 'kind' | 'payload'> & { readonly version?: number }): Promise<void> {
    const type = this.#types.get(kind);
    if (type?.split === undefined || type.forget === undefined) return;
    const items: unknown[] = [];
    type.split(payload, (_tableId, _key, item) => items.push(item), version ?? type.version ?? 1);
    await type.forget(items);
  }

  async #runUnder(topology: Topology, job: JobEntry, priority: Priority, trace?: Trace): Promise<JobOutcome> {
    const { version } = topology;
    // A server that can write all of it takes the job, so that a write answered as applied is on every host.
    if (this.unable(topology)) return { failures: [], readable: false, handBack: true, topologyVersion: version };
    this.#inWork.set(version, (this.#inWork.get(version) ?? 0) + 1);
    try {
      return { ...(await this.#run(job, priority, topology, trace)), topologyVersion: version };
    } finally {
      const left = this.#inWork.get(version)! - 1;
      if (left === 0) this.#inWork.delete(version);
      else this.#inWork.set(version, left);
    }
  }

  async #run(job: JobEntry, priority: Priority, topology: Topology, trace: Trace | undefined): Promise<Placed> {
    const type = this.#types.get(job.kind);
    // Another server may know the kind: the job waits for it, however long it takes.
    const known = type === undefined ? undefined : (type.version ?? 1);
    if (type === undefined || job.version > known!) return unknownHere(new UnknownJob(job.kind, job.version, known));
    if (type.split === undefined)
      return this.#clusterJobs.get(priority)!.run(() => this.#runOnce(type, job, priority, trace));
    const byRoute = new Map<Route, unknown[]>();
    try {
      type.split(
        job.payload,
        (tableId, key, item) => {
          appendTo(byRoute, topology.route(tableId, key), item);
          this.heat.wroteKey(tableId, key);
        },
        job.version,
      );
    } catch (error) {
      return error instanceof UnknownJob ? unknownHere(error) : failed(RoostError.from(error));
    }
    for (const { root, leadsNowhere } of byRoute.keys()) if (leadsNowhere) return unlinked(shardKey(root.id));
    for (const [route, items] of byRoute) this.heat.written(route, items.length);
    const refused = [...byRoute.keys()].some((route) => route.writable.length === 0);
    const only = onlyLeaves(job, topology.version, [...byRoute.keys()]);
    const placed = await this.#place(type, priority, byRoute, only, trace);
    return refused ? { ...placed, refused } : placed;
  }

  async #runOnce(type: ClusterJobType, job: JobEntry, priority: Priority, trace: Trace | undefined): Promise<Placed> {
    try {
      const deadline = Deadline.after(this.applyDeadlineMs, undefined, trace);
      const followUps = await type.run(job.payload, deadline, job.version);
      for (const [at, some] of groupBy(followUps, (one) => one.priority ?? priority))
        await this.enqueue(at, some, trace);
      return { failures: [], readable: true };
    } catch (thrown) {
      if (thrown instanceof UnknownJob) return unknownHere(thrown);
      const error = RoostError.from(thrown);
      return { failures: [{ host: '', leaves: undefined, error, counts: !error.retryable }], readable: false };
    }
  }

  #place(
    type: JobType,
    priority: Priority,
    byRoute: ReadonlyMap<Route, readonly unknown[]>,
    only: ReadonlySet<string> | undefined,
    trace: Trace | undefined,
  ): Promise<Placed> {
    return new Promise((resolve) => {
      const failures = new Map<
        string,
        { readonly host: string; readonly leaves: string[]; error: RoostError; counts: boolean }
      >();
      const unread = new Set<Route>(byRoute.keys());
      let outstanding = 1;
      const finish = (): void => {
        outstanding--;
        if (outstanding > 0) return;
        resolve({ failures: [...failures.values()], readable: unread.size === 0 });
      };
      const fail = (leaf: Leaf, reason: RoostError): void => {
        const { hostname } = leaf.shard.id;
        const counts = this.hosts.namesData(hostname, reason);
        const known = failures.get(hostname);
        if (known === undefined) {
          failures.set(hostname, { host: hostname, leaves: [leaf.key], error: reason, counts });
          return;
        }
        if (!known.leaves.includes(leaf.key)) known.leaves.push(leaf.key);
        if (counts && !known.counts) Object.assign(known, { error: reason, counts });
      };
      for (const [route, items] of byRoute) {
        const wanted = (leaf: Leaf): boolean => only === undefined || only.has(leaf.key);
        const unreadable = route.leaves.every((leaf) => leaf.read !== 'allow');
        const makesReadable = (leaf: Leaf): boolean => unreadable || leaf.read === 'allow';
        // A job with few remaining leaves has been applied to the others.
        if (
          route.leaves.some((leaf) => leaf.write === 'allow' && makesReadable(leaf) && !wanted(leaf)) ||
          route.writable.length + route.denied.length === 0
        )
          unread.delete(route);
        for (const leaf of route.denied) {
          if (wanted(leaf))
            fail(
              leaf,
              new RoostError(
                'Unavailable',
                `shard ${leaf.key} refuses writes for now (below ${shardKey(route.root.id)})`,
                { fields: { shard: leaf.key } },
              ),
            );
        }
        for (const leaf of route.writable) {
          if (!wanted(leaf)) continue;
          let writer: LeafWriter<unknown>;
          try {
            writer = this.#writer(type, leaf);
          } catch (reason) {
            fail(leaf, RoostError.from(reason));
            continue;
          }
          outstanding++;
          const done = (reason: RoostError | undefined): void => {
            if (reason === undefined) {
              if (makesReadable(leaf)) unread.delete(route);
            } else {
              this.log.debug({ err: reason, shard: leaf.key, ...trace?.logged }, 'a job failed on a shard');
              fail(leaf, reason);
            }
            finish();
          };
          writer.push({ items, priority, trace, done });
        }
      }
      finish();
    });
  }

  #writer(type: JobType, leaf: Leaf): LeafWriter<unknown> {
    const key = `${type.kind} ${leaf.key}`;
    const known = this.#writers.get(key);
    if (known !== undefined) return known;
    const hostname = leaf.shard.id.hostname;
    let slots = this.#slots.get(hostname);
    if (slots === undefined) {
      slots = new Semaphore(transactionsPerHost);
      this.#slots.set(hostname, slots);
    }
    // Dropped when idle, so that leaves that left the topology are forgotten.
    const writer = new LeafWriter(
      type,
      leaf,
      this.hosts.host(hostname),
      slots,
      this.applyDeadlineMs,
      this.enqueue,
      () => this.#writers.delete(key),
    );
    this.#writers.set(key, writer);
    return writer;
  }
}

/**
 * The remaining leaves of a job; undefined: all. If a shard has moved since the failure, the job was never applied at
 * the new place; parts for leaves that are gone go to their successors.
 */
function onlyLeaves(job: JobEntry, version: number, routes: readonly Route[]): ReadonlySet<string> | undefined {
  if (job.onlyLeaves === undefined || (job.failedUnder !== undefined && job.failedUnder !== version)) return undefined;
  const only = new Set(job.onlyLeaves);
  return routes.some((route) => route.leaves.some((leaf) => only.has(leaf.key))) ? only : undefined;
}

/** Waits until the tree is linked, however long that takes. */
const unlinked = (shard: string): Promise<Placed> => {
  const error = new RoostError('Unavailable', `shard ${shard} has no shard below it that holds data`, {
    fields: { shard },
  });
  return Promise.resolve({ failures: [{ host: '', leaves: undefined, error, counts: false }], readable: false });
};

const failed = (error: RoostError): Promise<Placed> =>
  Promise.resolve({ failures: [{ host: '', leaves: undefined, error, counts: true }], readable: false });

const unknownHere = (error: UnknownJob): Promise<Placed> =>
  Promise.resolve({
    failures: [{ host: waitingFor(error.kind, error.version), leaves: undefined, error, counts: false }],
    readable: false,
    unknownHere: true,
  });
