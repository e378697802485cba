import { laggingHostText } from '../jobs/laggingHosts.js';
import type { Check } from './check.js';

const namedShards = 5;

/**
 * Hosts with replicas that lack accepted writes, with the number for each replica. Workers apply them as soon as the
 * host accepts them; bad jobs need an operator.
 */
export const laggingReplicas: Check = {
  name: 'which replicas lack writes',
  quick: true,
  async examine({ jobs }) {
    return (await jobs.laggingHosts()).map((lagging) => {
      const { host, bad, leaves, lacks } = lagging;
      const more = leaves.length > namedShards ? ` and ${leaves.length - namedShards} more` : '';
      const shards =
        leaves.length === 0
          ? ''
          : ` (${leaves
              .slice(0, namedShards)
              .map((leaf) => `${leaf} lacks ${lacks[leaf]}`)
              .join(', ')}${more})`;
      const next =
        bad > 0
          ? '; `roost job show PRIORITY --queue bad` shows why they were given up, and `roost job retry` tries them again'
          : '; `roost job show PRIORITY` shows why';
      return { kind: 'laggingReplicas', subject: host, message: `${laggingHostText(lagging)}${shards}${next}` };
    });
  },
};
