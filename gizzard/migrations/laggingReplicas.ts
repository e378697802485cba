import { RoostError } from '../../core/index.js';
import { laggingHostText } from '../jobs/laggingHosts.js';
import type { Jobs } from '../jobs/jobs.js';
import type { Finding } from './doctor.js';

const namedShards = 5;

/** The hosts of which replicas lack writes that were accepted for them. Workers put that right as soon as the host takes them; bad jobs need an operator. */
export async function laggingReplicas(jobs: Jobs): Promise<Finding[]> {
  try {
    return (await jobs.laggingHosts()).map((lagging) => {
      const { host, bad, leaves } = lagging;
      const more = leaves.length > namedShards ? ` and ${leaves.length - namedShards} more` : '';
      const shards = leaves.length === 0 ? '' : ` (${leaves.slice(0, namedShards).join(', ')}${more})`;
      const next = bad > 0 ? '; `roost job show PRIORITY --queue bad` shows why they were given up, and `roost job retry` tries them again' : '; `roost job show PRIORITY` shows why';
      return { kind: 'laggingReplicas', subject: host, message: `${laggingHostText(lagging)}${shards}${next}` };
    });
  } catch (error) {
    return [{ kind: 'laggingReplicas', subject: 'journal', message: `which replicas lack writes cannot be told: ${RoostError.from(error).message}` }];
  }
}
