import { Deadline, RoostError } from '../../core/index.js';
import type { Gizzard } from '../../gizzard/index.js';
import { ManagerClient, type ManagerModule } from '../../wire/manager/index.js';
import { type ServerAddress, ThriftConnection } from '../../sdk/index.js';
import { ownTls } from './ownTls.js';
import { ownToken } from './ownToken.js';

/** A running server, as described by itself. */
export interface RunningServer {
  readonly id: string;
  /** The machine and process, for people. */
  readonly name: string;
  readonly version: number;
  readonly silentMs: number;
  /** Undefined for a process that works without listening. */
  readonly manager: ServerAddress | undefined;
  /** The address of its admin port, which answers over HTTP. */
  readonly admin: ServerAddress | undefined;
}

/** One entry per server: the processes of a server share its ports. */
export const oncePerServer = (servers: readonly RunningServer[], of: 'manager' | 'admin'): RunningServer[] => [
  ...new Map(
    servers.flatMap((server) => {
      const at = server[of];
      return at === undefined ? [] : [[`${at.host}:${at.port}`, server] as const];
    }),
  ).values(),
];

const callDeadlineMs = 5_000;

/** The servers with a recent heartbeat. */
export async function runningServers({ servers, config }: Gizzard): Promise<RunningServer[]> {
  const how = { tls: ownTls(config), token: ownToken(config) };
  return (await servers.list()).map(({ id, version, silentMs, info }) => {
    const { machine, pid, host, managerPort, adminPort } = info;
    // A server that listens on every address is reached by its machine's name.
    const address = host === '0.0.0.0' || host === '::' ? machine : host;
    const at = (port: unknown): ServerAddress | undefined =>
      typeof address === 'string' && typeof port === 'number' ? { host: address, port, ...how } : undefined;
    return {
      id,
      name: machine === undefined ? id : `${machine} (process ${pid})`,
      version,
      silentMs,
      manager: at(managerPort),
      admin: at(adminPort),
    };
  });
}

/** Makes a call to a server's manager. */
export async function callManager<T>(
  address: ServerAddress,
  call: (manager: ManagerModule.Client) => Promise<T>,
): Promise<T> {
  const deadline = Deadline.after(callDeadlineMs);
  const connection = await ThriftConnection.open(address, { Client: ManagerClient }, deadline);
  try {
    return await connection.call(call, deadline);
  } finally {
    await connection.close();
  }
}

/** Throws `Unavailable` if some servers did not answer. Called after all were asked. */
export function requireAll(failures: readonly { readonly server: RunningServer; readonly error: unknown }[]): void {
  if (failures.length === 0) return;
  const [first] = failures;
  throw new RoostError(
    'Unavailable',
    failures.map(({ server, error }) => `${server.name} does not answer: ${RoostError.from(error).message}`).join('; '),
    { cause: first!.error },
  );
}
