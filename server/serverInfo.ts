import type { RoostTypes } from '../wire/index.js';

/** What a server tells clients of itself. Ports are those on which its other services listen. */
export interface ServerInfo {
  readonly cluster: string;
  readonly version: string;
  readonly flockPort: number;
  readonly tbirdPort: number;
  readonly usersPort: number;
}

/** The method that each service of ours has. A server that says nothing of itself is taken at the ports that clients know. */
export const serverInfoMethod = (info: (() => ServerInfo) | undefined) => ({
  async server_info(): Promise<RoostTypes.ServerInfo> {
    if (info === undefined) return {};
    const { cluster, version, flockPort, tbirdPort, usersPort } = info();
    return { cluster, version, flock_port: flockPort, tbird_port: tbirdPort, users_port: usersPort };
  },
});
