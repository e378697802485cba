import { whatStays } from '../../core/index.js';
import type { ReplicaHealth } from '../control/replicasHealth.js';
import type { Check, Finding } from './check.js';

/** A replica is behind for a moment during a change. */
const lookAgainAfterMs = 500;

/** Replicas of the name server that do not answer, are behind, or differ from the others. */
export const nameServerReplicas: Check = {
  name: "the name server's replicas",
  async examine({ replicas, nameServer }) {
    if (nameServer.replicas.stores.length < 2) return [];
    const stays = await whatStays(
      wrong(await replicas.examine()),
      async (before) => wrong(await replicas.examine()).filter(({ host }) => before.some((one) => one.host === host)),
      [lookAgainAfterMs],
    );
    return stays.map(({ host, state, differences, error }): Finding => {
      const why = {
        current: '',
        behind:
          'is behind the others; `roost nameserver repair` brings it up to date, which a running server does by itself',
        differs: `holds something else than the others (${differences.join('; ')}); \`roost nameserver repair\` makes it as most of them`,
        'does not answer': `does not answer (${error ?? 'no reason is known'}); it is brought up to date when it is back`,
      }[state];
      return {
        kind: 'nameServerReplica',
        subject: host,
        message: `the name server's replica on ${host} ${why}; \`roost nameserver status\` shows all of them`,
      };
    });
  },
};

const wrong = (looks: readonly ReplicaHealth[]): ReplicaHealth[] => looks.filter(({ state }) => state !== 'current');
