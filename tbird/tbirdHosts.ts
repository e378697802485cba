import type { StoreHosts } from '../cluster/index.js';
import { RoostError } from '../core/index.js';
import type { Tbird } from './tbird.js';
import type { WindowPolicy } from './windows/windowPolicy.js';

/** New windows of tweets are made on the hosts that the policy names. */
export const tbirdHosts: StoreHosts<Tbird> = {
  useCommand: (hosts) => `roost tweets setup --open-hosts ${hosts.join(',')}`,
  async uses(tbird, host) {
    const policy = await tbird.windowSet.storedPolicy();
    return policy !== undefined && [...policy.openHosts, ...policy.closedHosts].includes(host)
      ? `windows of tweets are made on it: \`roost host drain ${host}\`, or \`roost tweets setup --open-hosts … --closed-hosts …\``
      : undefined;
  },
  async leave(tbird, host) {
    const policy = withoutHost(await tbird.windowSet.storedPolicy(), host);
    return (
      policy && {
        effect: `new windows of tweets are not made on ${host} any more`,
        apply: async () => void (await tbird.windowSet.setPolicy(policy)),
      }
    );
  },
};

/** The hosts of a policy without one of them; undefined if it does not name that host. Throws `FailedPrecondition` if too few are left. */
function withoutHost(
  policy: WindowPolicy | undefined,
  name: string,
): Pick<WindowPolicy, 'openHosts' | 'closedHosts'> | undefined {
  if (policy === undefined || ![...policy.openHosts, ...policy.closedHosts].includes(name)) return undefined;
  const left = {
    openHosts: policy.openHosts.filter((one) => one !== name),
    closedHosts: policy.closedHosts.filter((one) => one !== name),
  };
  for (const [option, hosts] of [
    ['--open-hosts', left.openHosts],
    ['--closed-hosts', left.closedHosts],
  ] as const) {
    if (hosts.length < policy.replicas)
      throw new RoostError(
        'FailedPrecondition',
        `windows of tweets have ${policy.replicas} copies, and ${hosts.length} hosts would be left for them: \`roost tweets setup ${option}\` names others first`,
        { fields: { host: name } },
      );
  }
  return left;
}
