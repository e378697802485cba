import { priorities, type Priority } from '../../core/index.js';

export interface StreamKeys {
  readonly queued: string;
  /** Failing and given-up jobs that name no host, since their leaves are not known. */
  readonly failing: string;
  readonly bad: string;
  /** The set of hosts that have, or had, failing or bad jobs. */
  readonly hosts: string;
  /** Counts the operators' wishes that failing jobs be tried now. */
  readonly retryNow: string;
}

/** Jobs that failed on one host, or were given up there, or wait for a server that knows their kind (`waitingFor`): a stream beside the one of those that name none (''). */
export const ofHost = (stream: string, host: string): string => (host === '' ? stream : `${stream}:${host}`);

/** Who is trying the jobs of a stream again. */
export const passKey = (stream: string): string => `${stream}:pass`;

/** The consumer group that all workers of a cluster share. */
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

/** The backlog of jobs for another cluster, by priority: streams like those of a priority. */
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

/** A copy of the jobs of all priorities that an epoch of the journal has accepted, for the cluster's backups. */
export const archiveKey = (cluster: string, epoch: string): string => `{${cluster}}:jobs:archive:${epoch}`;

/** Begins the names of copies of the queues, as they stood when a backup began. */
export const waitingKey = (cluster: string, id: string): string => `{${cluster}}:jobs:backup:${id}:`;

/** How far a restore into this cluster is. */
export const restoreKey = (cluster: string): string => `{${cluster}}:restore`;

/** What one server tells the others in passing. */
export const noticeKey = (cluster: string, server: string): string => `{${cluster}}:notice:${server}`;

/** Who takes a dump of this cluster, or restores into it. */
export const workKey = (cluster: string, work: ArchiveWork): string => `{${cluster}}:jobs:backup:${work}`;
export type ArchiveWork = 'dump' | 'restore';

/** The channel on which one server hears that jobs it waits for were applied. */
export const doneChannel = (cluster: string, server: string): string => `{${cluster}}:done:${server}`;

/** The greatest time that was given to a job. */
export const clockKey = (cluster: string): string => `{${cluster}}:jobs:clock`;

/** The version of the topology with the newest change of remote clusters: older ones say neither who gets copies of a write, nor where to send them. */
export const remotesFenceKey = (cluster: string): string => `{${cluster}}:remote-clusters:topology`;

/** The version of the topology that jobs must be applied under at least. */
export const fenceKey = (cluster: string): string => `{${cluster}}:jobs:topology`;

/** What is remembered of an accepted write, by its identity. */
export const writeKey = (cluster: string, id: Buffer): string => `{${cluster}}:jobs:write:${id.toString('base64url')}`;

/** How many failing and bad jobs wait for each leaf; the number at which a leaf was marked as lagging; and how often the set of such leaves has changed. */
export const lagKeys = (
  cluster: string,
): { readonly counts: string; readonly marks: string; readonly changes: string } => ({
  counts: `{${cluster}}:jobs:lag`,
  marks: `{${cluster}}:jobs:lag:marks`,
  changes: `{${cluster}}:jobs:lag:changes`,
});

/** A hash: the epoch of the journal, what it has accepted, and how many bytes its streams take. */
export const stateKey = (cluster: string): string => `{${cluster}}:jobs:epoch`;
