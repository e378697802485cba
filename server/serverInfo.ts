import type { Log, Metrics } from '../process/index.js';
import type { RoostTypes } from '../wire/index.js';

/** What a server tells clients about itself. */
export interface ServerInfo {
  readonly cluster: string;
  readonly version: string;
  /** The ports of its stores' services, by store name. */
  readonly ports: Readonly<Record<string, number>>;
}

/** What a store's service is created with. */
export interface ServiceOptions {
  readonly metrics: Metrics;
  readonly log: Log;
  /** Absent: the server says nothing about itself. */
  readonly info?: () => ServerInfo;
}

/**
 * The method that each of our services has. Clients assume the default ports of a server that says nothing about
 * itself.
 */
export const serverInfoMethod = (info: (() => ServerInfo) | undefined) => ({
  async server_info(): Promise<RoostTypes.ServerInfo> {
    if (info === undefined) return {};
    const { cluster, version, ports } = info();
    return {
      cluster,
      version,
      ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [`${name}_port`, port])),
    };
  },
});
