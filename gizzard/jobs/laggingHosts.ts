import { Deadline } from '../../core/index.js';
import type { JobQueues } from './jobQueues.js';
import { hostOfLeaf, type LaggingLeaves } from './laggingLeaves.js';

const lookDeadlineMs = 2_000;

/** A database host that lacks accepted writes. */
export interface LaggingHost {
  readonly host: string;
  /** Jobs of all priorities that are retried until they are applied. */
  readonly failing: number;
  /** Jobs of all priorities that were given up, until an operator decides. */
  readonly bad: number;
  /** How long the oldest of them has been waiting. */
  readonly oldestAgeMs: number;
  /** Its shards that lack writes, by name. Reads ask them last. */
  readonly leaves: readonly string[];
  /** The number of failing and bad jobs for each shard. */
  readonly lacks: Readonly<Record<string, number>>;
}

/** The lagging hosts, by name. Throws `Unavailable` and `DeadlineExceeded`. */
export async function laggingHosts(queues: JobQueues, lagging: LaggingLeaves): Promise<LaggingHost[]> {
  const deadline = Deadline.after(lookDeadlineMs);
  const [status, { leaves }] = await Promise.all([
    deadline.race(queues.status(), 'looking at the journal'),
    lagging.look(deadline),
  ]);
  const names = new Set(status.flatMap(({ hosts }) => hosts.map(({ host }) => host)));
  names.delete('');
  return [...names].sort().map((host) => {
    const own = status.flatMap(({ hosts }) => hosts.filter((one) => one.host === host));
    return {
      host,
      failing: own.reduce((sum, { failing }) => sum + failing.jobs, 0),
      bad: own.reduce((sum, { bad }) => sum + bad.jobs, 0),
      oldestAgeMs: Math.max(0, ...own.flatMap(({ failing, bad }) => [failing.oldestAgeMs ?? 0, bad.oldestAgeMs ?? 0])),
      leaves: [...leaves.keys()].filter((leaf) => hostOfLeaf(leaf) === host).sort(),
      lacks: Object.fromEntries([...leaves].filter(([leaf]) => hostOfLeaf(leaf) === host)),
    };
  });
}

/** One line for people. */
export function laggingHostText({ host, failing, bad, oldestAgeMs, leaves }: LaggingHost): string {
  const jobs = [...(failing > 0 ? [`${failing} failing`] : []), ...(bad > 0 ? [`${bad} bad`] : [])].join(' and ');
  return `${host} lacks writes: ${jobs} jobs, the oldest accepted ${Math.round(oldestAgeMs / 1_000)} s ago; ${leaves.length} of its shards are read last`;
}
