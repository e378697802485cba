import { type Priority, RoostError } from '../../core/index.js';
import type { Log, RoostConfig } from '../../process/index.js';
import type { Topology } from '../topology/topology.js';
import type { AnyJobType } from './jobType.js';
import type { NewJob } from './journal.js';
import { type LaggingLeaves, type HostJobs } from './laggingLeaves.js';
import { waitedFor, waitingFor } from './unknownJobs.js';

/** A refused write is worth another attempt once some of the jobs have been applied. */
const fullRetryAfterMs = 200;

/** Refuses new jobs for hosts, or of kinds, that have too many failing or given-up ones. */
export class QueueBounds {
  constructor(
    private readonly lagging: LaggingLeaves,
    private readonly config: RoostConfig['jobs'],
    private readonly types: ReadonlyMap<string, AnyJobType>,
    private readonly topology: () => Topology,
    private readonly log: Log,
  ) {}

  /** Throws `Overloaded` if jobs are for a host with too many failing or bad jobs, as known a moment ago. */
  async refuseFull(priority: Priority, jobs: readonly NewJob[]): Promise<void> {
    await this.lagging.fresh();
    const { maxFailing, maxBad, maxQueuedBytes } = this.config;
    const full = new Map(
      this.lagging.hosts.flatMap((one) =>
        one.priority === priority && (one.failing >= maxFailing || one.bad >= maxBad || one.bytes >= maxQueuedBytes)
          ? [[one.host, one] as const]
          : [],
      ),
    );
    if (full.size === 0) return;
    const met = full.get('') ?? this.#firstOf(jobs, full);
    if (met === undefined) return;
    const queue = met.failing >= maxFailing || (met.bad < maxBad && met.failing > 0) ? 'failing' : 'bad';
    const kind = waitedFor(met.host);
    const where =
      met.host === ''
        ? ''
        : kind === undefined
          ? ` for host ${met.host}`
          : ` of kind ${kind.kind}, version ${kind.version}, which no server knows`;
    throw new RoostError(
      'Overloaded',
      queue === 'failing'
        ? `too many ${priority} jobs are failing${where}`
        : `too many ${priority} jobs were given up${where}: look at \`roost job show ${priority} --queue bad\``,
      {
        retryAfterMs: fullRetryAfterMs,
        fields: { priority, queue, ...(kind ?? (met.host === '' ? {} : { host: met.host })) },
      },
    );
  }

  /** The first of some hosts that the jobs are for, or that stands for their kind. An unreadable job is for none. */
  #firstOf(jobs: readonly NewJob[], hosts: ReadonlyMap<string, HostJobs>): HostJobs | undefined {
    const topology = this.topology();
    let found: HostJobs | undefined;
    for (const { kind, payload, version: own } of jobs) {
      const type = this.types.get(kind);
      const version = own ?? type?.version ?? 1;
      found ??= hosts.get(waitingFor(kind, version));
      try {
        type?.split?.(
          payload,
          (tableId, key) => {
            const { writable, denied } = topology.route(tableId, key);
            for (const leaves of [writable, denied])
              for (const leaf of leaves) found ??= hosts.get(leaf.shard.id.hostname);
          },
          version,
        );
      } catch (error) {
        this.log.debug({ err: error, kind }, 'a job of this kind names no host');
      }
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
