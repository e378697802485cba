import { Deadline, groupBy, priorities, type Priority, RoostError, Semaphore } from '../../core/index.js';
import type { Log } from '../../process/index.js';
import type { Hosts } from '../hosts.js';
import { Heat } from '../routing/heat.js';
import type { Leaf, Route } from '../routing/route.js';
import { shardKey } from '../topology/types.js';
import type { Topology } from '../topology/topology.js';
import type { JobEntry } from './jobEntry.js';
import type { AnyJobType, ClusterJobType, FollowUp, JobType } from './jobType.js';
import { LeafWriter } from './leafWriter.js';
import { UnknownJob, waitingFor } from './unknownJobs.js';

/** Transactions at once on one host. More would only wait for the same disk and the same locks, and take connections from reads. */
const transactionsPerHost = 4;

/** Jobs of one priority at once that write no leaf: each reads a page or so, and holds what it journals. */
const clusterJobsAtOnce = 8;

/** What is left of a job on one host. */
export interface HostFailure {
  /** '' where the job failed before it came to any host; `waitingFor` its kind where that is not known here. */
  readonly host: string;
  /** Leaves that are still to be written. `undefined`: nothing of the job was placed, all of it is to be tried again. */
  readonly leaves: readonly string[] | undefined;
  readonly error: RoostError;
  /** Whether the attempt counts toward the error limit: only where the job itself is at fault, and not its place. */
  readonly counts: boolean;
}

/** What became of a job. */
export interface JobOutcome {
  /** Empty: the job is done. */
  readonly failures: readonly HostFailure[];
  /** Whether each part of the job is on at least one replica: on one that serves reads, where there is any. */
  readonly readable: boolean;
  /** Whether one of its trees takes no writes, or drops them: in a topology of a moment ago, perhaps, and no more. */
  readonly refused?: boolean;
  /** Whether the job is for another worker, at once: it goes back to the end of the queue as it is. */
  readonly handBack?: true;
  /** Whether this server does not know the kind of job or its version, which another one may. */
  readonly unknownHere?: true;
  /** The topology under which it ran. */
  readonly topologyVersion: number;
}

type Placed = Omit<JobOutcome, 'topologyVersion'>;

/** Takes a job apart, brings each part to every leaf that takes writes, and says what is left to do. */
export class JobRunner {
  readonly #types: ReadonlyMap<string, AnyJobType>;
  readonly #writers = new Map<string, LeafWriter<unknown>>();
  readonly #slots = new Map<string, Semaphore>();
  readonly #clusterJobs = new Map(priorities.map((priority) => [priority, new Semaphore(clusterJobsAtOnce)]));
  /** How many jobs are in work under each topology. */
  readonly #inWork = new Map<number, number>();

  constructor(
    types: ReadonlyMap<string, AnyJobType>,
    private readonly topology: () => Topology,
    private readonly hosts: Hosts,
    private readonly log: Log,
    private readonly applyDeadlineMs: number,
    private readonly enqueue: (priority: Priority, jobs: readonly FollowUp[]) => Promise<void>,
    /** Looks for a newer topology. */
    private readonly lookAnew: () => Promise<void> = () => Promise.resolve(),
    /** Whether there are shards that this server cannot write as they are to be written: others may. */
    private readonly unable: (topology: Topology) => boolean = () => false,
    private readonly heat: Heat = new Heat(),
  ) {
    this.#types = types;
  }

  /** The oldest topology under which a job is in work; undefined where none is. */
  get oldestVersion(): number | undefined {
    return this.#inWork.size === 0 ? undefined : Math.min(...this.#inWork.keys());
  }

  async run(job: JobEntry, priority: Priority): Promise<JobOutcome> {
    const outcome = await this.#runUnder(this.topology(), job, priority);
    if (outcome.refused !== true) return outcome;
    await this.lookAnew().catch((error: unknown) =>
      this.log.debug({ err: error }, 'a tree refuses a job, and the topology cannot be looked at'),
    );
    const topology = this.topology();
    return topology.version === outcome.topologyVersion ? outcome : this.#runUnder(topology, job, priority);
  }

  /** Makes caches forget the items of a job that some replicas lack. Throws `Unavailable`. */
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

  async #runUnder(topology: Topology, job: JobEntry, priority: Priority): Promise<JobOutcome> {
    const { version } = topology;
    // What this server would leave out, another is to do: so that a write which is answered as applied stands on every host.
    if (this.unable(topology)) return { failures: [], readable: false, handBack: true, topologyVersion: version };
    this.#inWork.set(version, (this.#inWork.get(version) ?? 0) + 1);
    try {
      return { ...(await this.#run(job, priority, topology)), topologyVersion: version };
    } finally {
      const left = this.#inWork.get(version)! - 1;
      if (left === 0) this.#inWork.delete(version);
      else this.#inWork.set(version, left);
    }
  }

  async #run(job: JobEntry, priority: Priority, topology: Topology): Promise<Placed> {
    const type = this.#types.get(job.kind);
    // Another server may know it: the job waits for that one, however long it takes.
    const known = type === undefined ? undefined : (type.version ?? 1);
    if (type === undefined || job.version > known!) return unknownHere(new UnknownJob(job.kind, job.version, known));
    if (type.split === undefined) return this.#runOnce(type, job, priority);
    const byRoute = new Map<Route, unknown[]>();
    try {
      type.split(
        job.payload,
        (tableId, key, item) => {
          const route = topology.route(tableId, key);
          const items = byRoute.get(route);
          this.heat.wroteKey(tableId, key);
          if (items === undefined) byRoute.set(route, [item]);
          else items.push(item);
        },
        job.version,
      );
    } catch (error) {
      return error instanceof UnknownJob ? unknownHere(error) : failed(RoostError.from(error));
    }
    for (const { root, leadsNowhere } of byRoute.keys()) if (leadsNowhere) return unlinked(shardKey(root.id));
    for (const [route, items] of byRoute) this.heat.written(route, items.length);
    const refused = [...byRoute.keys()].some((route) => route.writable.length === 0);
    const placed = await this.#place(type, priority, byRoute, onlyLeaves(job, topology.version, [...byRoute.keys()]));
    return refused ? { ...placed, refused } : placed;
  }

  async #runOnce(type: ClusterJobType, job: JobEntry, priority: Priority): Promise<Placed> {
    const slots = this.#clusterJobs.get(priority)!;
    await slots.acquire();
    try {
      const followUps = await type.run(job.payload, Deadline.after(this.applyDeadlineMs), job.version);
      for (const [at, some] of groupBy(followUps, (one) => one.priority ?? priority)) await this.enqueue(at, some);
      return { failures: [], readable: true };
    } catch (thrown) {
      if (thrown instanceof UnknownJob) return unknownHere(thrown);
      const error = RoostError.from(thrown);
      return { failures: [{ host: '', leaves: undefined, error, counts: !error.retryable }], readable: false };
    } finally {
      slots.release();
    }
  }

  #place(
    type: JobType,
    priority: Priority,
    byRoute: ReadonlyMap<Route, readonly unknown[]>,
    only: ReadonlySet<string> | undefined,
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
        // A job that is down to some leaves has been applied to the others before.
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
          writer.push(items, priority, (reason) => {
            if (reason === undefined) {
              if (makesReadable(leaf)) unread.delete(route);
            } else {
              this.log.debug({ err: reason, shard: leaf.key }, 'a job failed on a shard');
              fail(leaf, reason);
            }
            finish();
          });
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
    // Gone when it is idle, so that leaves which the topology no longer has are forgotten.
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
 * The leaves that a job is down to; undefined: all. A shard may have moved since the job failed: where it went, the job was never applied.
 * And what was meant for a leaf that is gone is for those that took its place.
 */
function onlyLeaves(job: JobEntry, version: number, routes: readonly Route[]): ReadonlySet<string> | undefined {
  if (job.onlyLeaves === undefined || (job.failedUnder !== undefined && job.failedUnder !== version)) return undefined;
  const only = new Set(job.onlyLeaves);
  return routes.some((route) => route.leaves.some((leaf) => only.has(leaf.key))) ? only : undefined;
}

/** Waits for the tree to be linked, however long that takes. */
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
