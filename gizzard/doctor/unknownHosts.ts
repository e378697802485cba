import { hostsInUse } from '../topology/hostsInUse.js';
import { unknownHosts as unknown } from '../topology/unknownHosts.js';
import type { Check, Finding } from './check.js';

/** Servers, and this process, whose configurations lack a host that holds data. */
export const unknownHosts: Check = {
  name: 'the hosts that servers know',
  quick: true,
  async examine({ topology, servers, hosts }) {
    const inUse = hostsInUse(topology);
    const here = unknown(hosts, topology).map((host): Finding => ({
      kind: 'unknownHost',
      subject: host,
      message: `host ${host} could not be looked at: the configuration of this command does not name it`,
    }));
    return [
      ...here,
      ...(await servers.lacking(inUse)).map((message): Finding => ({
        kind: 'unknownHost',
        subject: message.slice(0, message.indexOf(' does not know')),
        message,
      })),
    ];
  },
};
