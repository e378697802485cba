import { Deadline } from '../../core/index.js';
import { nodeType } from '../nodes/index.js';
import type { Check, Finding } from './check.js';

/** A sign of life takes milliseconds. A host that takes longer than this keeps callers waiting. */
const answerWithinMs = 1_000;

/** Hosts that give no sign of life, with what that costs. The thorough look at tables finds them too, in more time. */
export const silentHosts: Check = {
  name: 'hosts',
  async examine({ hosts, topology }) {
    const found = await Promise.all(
      hosts.names.map(async (hostname): Promise<Finding[]> => {
        const host = hosts.host(hostname);
        const late = Deadline.after(answerWithinMs).race(host.answers(), `a sign of life of ${hostname}`);
        if (await late.catch(() => false)) return [];
        const shards = topology.state.shards.filter(
          ({ id, type }) => id.hostname === hostname && nodeType(type) === undefined,
        ).length;
        const cost =
          shards === 0
            ? 'no shard lives on it'
            : `reads of its ${shards} ${shards === 1 ? 'shard' : 'shards'} go to other replicas, and its writes wait in the journal`;
        return [
          {
            kind: 'unreachableHost',
            subject: hostname,
            message: `host ${hostname} does not answer: ${cost}. Start it again, or \`roost host drain ${hostname}\` moves its shards away`,
          },
        ];
      }),
    );
    return found.flat();
  },
};
