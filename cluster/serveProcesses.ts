import { availableParallelism } from 'node:os';
import { type Address, isLoopback } from '../core/index.js';
import { type Log, type Metrics, type RoostConfig, ServerTls } from '../process/index.js';
import { type AdminSite, AdminServer, ConnectionHandout, type MemberState, ProcessGroup } from '../server/index.js';
import { accessOf } from './accessOf.js';
import { withUsed } from './openCluster.js';
import { portOf, refuseInTheClear, type ServedCluster } from './serveCluster.js';
import { ownServices } from './servicesOf.js';
import type { Store } from './store.js';

export interface ServeProcessesOptions {
  readonly processes: number;
  readonly version: string;
  /**
   * The module that each process runs, which calls `serveCluster` with its `ParentLink`, and the module's arguments.
   */
  readonly command: readonly [module: string, ...args: string[]];
  readonly environment: NodeJS.ProcessEnv;
  /**
   * Pages for people on the admin port. `notReady` returns why the processes cannot do their work; undefined if they
   * can.
   */
  readonly site?: (notReady: () => Promise<string | undefined>) => AdminSite;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** A server made of several processes. */
export interface ServedProcesses extends ServedCluster {
  /** Replaces every process by a new process, one after another. No request fails because of it. */
  replaceAll(): Promise<void>;
}

/**
 * The number of processes for a configuration: the configured number if there is one; otherwise one process on
 * loopback, and one per core beyond it.
 */
export const processesOf = ({ server: { processes, host } }: RoostConfig): number =>
  processes ?? (isLoopback(host) ? 1 : availableParallelism());

/**
 * Listens on the ports of a cluster for several processes, and serves the admin pages of all. Throws as
 * `serveCluster`.
 */
export async function serveProcesses(
  config: RoostConfig,
  stores: readonly Store[],
  { processes, version, command, environment, site, log, metrics }: ServeProcessesOptions,
): Promise<ServedProcesses> {
  refuseInTheClear(config);
  const { host, managerPort, injectorPort, adminPort } = config.server;
  const tls = config.tls === undefined ? undefined : new ServerTls(config.tls, log);
  const closing: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  const access = accessOf(config, { log, metrics });
  closing.push(() => access.close());
  try {
    const served = withUsed(stores).filter(({ service }) => service !== undefined);
    const ports = Object.fromEntries(served.map((store) => [store.name, portOf(config, store)!]));
    const handout = await ConnectionHandout.listen(
      host,
      { ...ports, [ownServices.manager.service]: managerPort, [ownServices.injector.service]: injectorPort },
      (error) => log.warn({ err: error }, 'a client could not connect'),
    );
    closing.push(() => handout.close());
    const at = (name: string): Address => ({ host, port: handout.ports[name]! });
    const addresses = Object.fromEntries(served.map(({ name }) => [name, at(name)]));
    const [manager, injector] = [at(ownServices.manager.service), at(ownServices.injector.service)];
    const notReady = async (): Promise<string | undefined> => whyNotReady(await group.states());
    const server = await AdminServer.listen({
      host,
      port: adminPort,
      registry: () => group.metrics(),
      access: access.port(ownServices.metrics),
      tls,
      site: site?.(notReady),
      info: async () => ({
        pid: process.pid,
        cluster: config.cluster,
        ...addresses,
        manager,
        injector,
        version,
        node: process.version,
        processes: (await group.states()).map(({ pid, info }) => ({ ...without(info, Object.keys(addresses)), pid })),
      }),
      notReady,
      notes: async () => notesOf(await group.states(), processes),
    });
    closing.push(() => server.close());
    const group = new ProcessGroup({
      count: processes,
      command,
      environment,
      handout,
      otherPorts: { [ownServices.metrics.service]: server.port },
      log,
      metrics,
    });
    closing.push(() => {
      handout.close();
      return group.stop();
    });
    await group.start();
    const admin = { host, port: server.port };
    return { stores: addresses, manager, injector, admin, close, replaceAll: () => group.replaceAll() };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Every process gets requests: the server is ready if at least one process takes requests and no such process is
 * unready.
 */
function whyNotReady(states: readonly MemberState[]): string | undefined {
  if (states.length === 0) return 'no process takes requests';
  const failing = states.find(({ notReady }) => notReady !== undefined);
  return failing && `process ${failing.pid}: ${failing.notReady}`;
}

function notesOf(states: readonly MemberState[], processes: number): string[] {
  const missing = processes - states.length;
  return [
    ...new Set(states.flatMap(({ notes }) => notes)),
    ...(missing > 0 ? [`${missing} of ${processes} processes do not take requests; others are started for them`] : []),
  ];
}

const sharedKeys = ['cluster', 'manager', 'injector', 'version', 'node'];

/** The information that is specific to one process. */
const without = (info: object, keys: readonly string[]): object =>
  Object.fromEntries(Object.entries(info).filter(([key]) => !keys.includes(key) && !sharedKeys.includes(key)));
