import { priorities, type Priority } from '../../core/index.js';

export interface StreamKeys {
  readonly queued: string;
  /** Failing and given-up jobs without a host, because their leaves are unknown. */
  readonly failing: string;
  readonly bad: string;
  /** The set of hosts that have, or had, failing or bad jobs. */
  readonly hosts: string;
  /** Counts operators' requests to retry failing jobs now. */
  readonly retryNow: string;
}

/**
 * The stream of jobs that failed or were given up on one host, or wait for a server that knows their kind
 * (`waitingFor`); '' for jobs without a host.
 */
export const ofHost = (stream: string, host: string): string => (host === '' ? stream : `${stream}:${host}`);

/** Names the server that retries the jobs of a stream. */
export const passKey = (stream: string): string => `${stream}:pass`;

/** The consumer group of all workers of a cluster. */
export const workerGroup = 'workers';

/** The braces keep a cluster's keys in one slot of a Redis Cluster, so that jobs move between streams atomically. */
export const streamKeys = (cluster: string): Readonly<Record<Priority, StreamKeys>> =>
  Object.fromEntries(
    priorities.map((priority) => {
      const base = `{${cluster}}:jobs:${priority}`;
      return [
        priority,
        {
          queued: base,
          failing: `${base}:failing`,
          bad: `${base}:bad`,
          hosts: `${base}:hosts`,
          retryNow: `${base}:retry_now`,
        },
      ];
    }),
  ) as Record<Priority, StreamKeys>;

/** The backlog of jobs for another cluster, by priority: streams as for this cluster's own. */
export const remoteKeys = (cluster: string, remote: string): Readonly<Record<Priority, StreamKeys>> =>
  Object.fromEntries(
    priorities.map((priority) => {
      const base = `{${cluster}}:remote:${remote}:${priority}`;
      return [
        priority,
        {
          queued: base,
          failing: `${base}:failing`,
          bad: `${base}:bad`,
          hosts: `${base}:hosts`,
          retryNow: `${base}:retry_now`,
        },
      ];
    }),
  ) as Record<Priority, StreamKeys>;

/** A copy of a priority's jobs for onlookers. */
export const fanoutKey = (cluster: string, priority: Priority, suffix: string): string =>
  `{${cluster}}:jobs:${priority}:fanout:${suffix}`;

/** A copy of all jobs that an epoch has accepted, for backups. */
export const archiveKey = (cluster: string, epoch: string): string => `{${cluster}}:jobs:archive:${epoch}`;

/** The prefix of copies of the queues as they stood when a backup began. */
export const waitingKey = (cluster: string, id: string): string => `{${cluster}}:jobs:backup:${id}:`;

/** The progress of a restore into this cluster. */
export const restoreKey = (cluster: string): string => `{${cluster}}:restore`;

/** What one server tells the others in passing. */
export const noticeKey = (cluster: string, server: string): string => `{${cluster}}:notice:${server}`;

/** Who takes a dump of this cluster, or restores into it. */
export const workKey = (cluster: string, work: ArchiveWork): string => `{${cluster}}:jobs:backup:${work}`;
export type ArchiveWork = 'dump' | 'restore';

/** The channel that tells one server which of its jobs were applied. */
export const doneChannel = (cluster: string, server: string): string => `{${cluster}}:done:${server}`;

/** The greatest time assigned to a job. */
export const clockKey = (cluster: string): string => `{${cluster}}:jobs:clock`;

/**
 * The version of the topology with the newest change of remote clusters: older ones know neither who gets copies nor
 * where to send them.
 */
export const remotesFenceKey = (cluster: string): string => `{${cluster}}:remote-clusters:topology`;

/** The least topology version that jobs must be applied under. */
export const fenceKey = (cluster: string): string => `{${cluster}}:jobs:topology`;

/** The record of an accepted write, by identity. */
export const writeKey = (cluster: string, id: Buffer): string => `{${cluster}}:jobs:write:${id.toString('base64url')}`;

/**
 * The number of failing and bad jobs for each leaf; the number at which a leaf was marked as lagging; and how often
 * the set of such leaves has changed.
 */
export const lagKeys = (
  cluster: string,
): { readonly counts: string; readonly marks: string; readonly changes: string } => ({
  counts: `{${cluster}}:jobs:lag`,
  marks: `{${cluster}}:jobs:lag:marks`,
  changes: `{${cluster}}:jobs:lag:changes`,
});

/** A hash: the journal's epoch, its accepted jobs, and the bytes of its streams. */
export const stateKey = (cluster: string): string => `{${cluster}}:jobs:epoch`;
