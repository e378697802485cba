import type { Log, Metrics } from '../process/index.js';
import type { RoostTypes } from '../wire/index.js';

/** What a server tells clients of itself. */
export interface ServerInfo {
  readonly cluster: string;
  readonly version: string;
  /** The ports on which it serves stores, by their names. */
  readonly ports: Readonly<Record<string, number>>;
}

/** What a store's service is made with. */
export interface ServiceOptions {
  readonly metrics: Metrics;
  readonly log: Log;
  /** Absent: the server says nothing of itself. */
  readonly info?: () => ServerInfo;
}

/** The method that each service of ours has. A server that says nothing of itself is taken at the ports that clients know. */
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
