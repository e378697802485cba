import { priorities, type Priority } from './priority.js';

export interface StreamKeys {
  readonly queued: string;
  readonly failing: string;
  readonly bad: string;
}

/** The consumer group that all workers of a cluster share. */
export const workerGroup = 'workers';

/** The braces keep a cluster's keys in one slot of a Redis Cluster, so that jobs move between streams atomically. */
export const streamKeys = (cluster: string): Readonly<Record<Priority, StreamKeys>> =>
  Object.fromEntries(
    priorities.map((priority) => {
      const base = `{${cluster}}:jobs:${priority}`;
      return [priority, { queued: base, failing: `${base}:failing`, bad: `${base}:bad` }];
    }),
  ) as Record<Priority, StreamKeys>;

/** The backlog of jobs for another cluster, by priority: streams like those of a priority. */
export const remoteKeys = (cluster: string, remote: string): Readonly<Record<Priority, StreamKeys>> =>
  Object.fromEntries(
    priorities.map((priority) => {
      const base = `{${cluster}}:remote:${remote}:${priority}`;
      return [priority, { queued: base, failing: `${base}:failing`, bad: `${base}:bad` }];
    }),
  ) as Record<Priority, StreamKeys>;

/** A copy of a priority's jobs for onlookers. */
export const fanoutKey = (cluster: string, priority: Priority, suffix: string): string => `{${cluster}}:jobs:${priority}:fanout:${suffix}`;

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
