import { RoostError } from '../core/index.js';
import { createDriver } from './createDriver.js';
import { PlaygroundFolder } from './folder.js';
import type { PlaygroundSource, PlaygroundState, ServerKind } from './state.js';

export interface ServerStatus {
  readonly name: string;
  readonly kind: ServerKind;
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | undefined;
  /** Absent for a container, and for a server that never started. */
  readonly pid: number | undefined;
  /** Whether the process or container exists, even if paused. */
  readonly alive: boolean;
}

export interface PlaygroundStatus {
  readonly dir: string;
  readonly source: PlaygroundSource;
  readonly phase: PlaygroundState['phase'];
  /** Absent until a database has answered once. */
  readonly serverVersion: string | undefined;
  readonly configPath: string;
  readonly servers: readonly ServerStatus[];
}

/**
 * The state of a playground that any process started. Changes nothing. Throws `NotFound` if there is no playground.
 */
export async function readPlayground(dir: string): Promise<PlaygroundStatus> {
  const folder = new PlaygroundFolder(dir);
  const state = folder.readState();
  if (state === undefined) throw noPlayground(folder.dir);
  const driver = createDriver(state.source, folder);
  const servers = state.servers.map(async (server): Promise<ServerStatus> => {
    const { name, kind, host, port, socketPath } = server;
    return { name, kind, host, port, socketPath, pid: server.process?.pid, alive: await driver.isAlive(server) };
  });
  return {
    dir: folder.dir,
    source: state.source,
    phase: state.phase,
    serverVersion: state.serverVersion,
    configPath: folder.configPath,
    servers: await Promise.all(servers),
  };
}

export const noPlayground = (dir: string): RoostError =>
  new RoostError('NotFound', `there is no playground in ${dir}`, { fields: { dir } });
