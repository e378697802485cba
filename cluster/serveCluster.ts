import { hostname } from 'node:os';
import type { ServiceOfPort } from '../access/index.js';
import { isLoopback, limits, RoostError, type Address } from '../core/index.js';
import { ServerTls, type RoostConfig } from '../process/index.js';
import {
  type AdminSite,
  AdminServer,
  injectorProcessor,
  managerProcessor,
  type ParentLink,
  ThriftServer,
  type ThriftService,
} from '../server/index.js';
import { accessOf } from './accessOf.js';
import type { Cluster } from './openCluster.js';
import { ownServices } from './servicesOf.js';
import { notesOf, whyNotReady } from './readiness.js';
import type { Store, StoreLike } from './store.js';

/** The ports of a cluster that one process serves. */
export interface ServedCluster {
  /** The address of each store's service, by the store's name. */
  readonly stores: Readonly<Record<string, Address>>;
  readonly manager: Address;
  readonly injector: Address;
  /** HTTP: /healthz, /readyz, /metrics, /server_info. */
  readonly admin: Address;
  /** Accepts no more requests, and waits for running ones. The cluster stays open. */
  close(): Promise<void>;
}

/** Throws `FailedPrecondition` if other machines can reach the ports and neither `tls` nor `plain` is set. */
export function refuseInTheClear({ server: { host, plain }, tls }: RoostConfig): void {
  if (tls !== undefined || plain || isLoopback(host)) return;
  throw new RoostError(
    'FailedPrecondition',
    `server.host is ${host}, beyond loopback, and nothing would be encrypted: set \`tls.certFile\` and \`tls.keyFile\` (\`roost certs\` makes some for development), or \`server.plain\` to true on a network that is trusted`,
    { fields: { host } },
  );
}

/** The port of a store's service; undefined if it has none. */
export const portOf = (
  { server }: RoostConfig,
  { name, service }: Pick<Store, 'name' | 'service'>,
): number | undefined =>
  service && ((server as unknown as Readonly<Record<string, number>>)[`${name}Port`] ?? service.port);

/**
 * Serves each store's service, Gizzard's manager, the job injector and the admin pages, on the configured ports.
 * Throws `Unavailable` if a port is taken, `FailedPrecondition` for unencrypted ports beyond loopback that nobody
 * asked for, and as `accessOf`; nothing listens then.
 *
 * @param options `version`: the release, for clients and operators; `site`: pages for people on the admin port;
 * `parent`, if this is one of several processes: it listens on all ports, and shows the admin pages
 */
export async function serveCluster<Stores extends readonly StoreLike[]>(
  cluster: Cluster<Stores>,
  {
    version,
    site,
    parent,
  }: { readonly version: string; readonly site?: AdminSite; readonly parent?: ParentLink | undefined },
): Promise<ServedCluster> {
  const { gizzard, config, opened } = cluster;
  const { log, metrics } = gizzard;
  const { host, connections, connectionsPerAddress, managerPort, injectorPort, adminPort } = config.server;
  refuseInTheClear(config);
  const tls = config.tls === undefined ? undefined : new ServerTls(config.tls, log);
  const closing: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  const access = accessOf(config, { log, metrics });
  closing.push(() => access.close());
  parent?.shareConnections(
    () => access.connections,
    (elsewhere) => access.useElsewhere(elsewhere),
  );
  const listen = async (
    of: ServiceOfPort,
    port: number,
    processor: ThriftService,
    requestBytes: number = limits.leastRequestBytes,
  ): Promise<Address> => {
    const server = await ThriftServer.listen({
      service: of.service,
      host,
      port: parent?.port(of.service) ?? port,
      processor,
      access: access.port(of),
      metrics,
      log,
      tracing: gizzard.tracing,
      limits: { connections, connectionsPerAddress, requestBytes },
      tls,
    });
    closing.push(() => server.close());
    return { host, port: server.port };
  };
  try {
    const ports = Object.fromEntries(
      opened.flatMap(({ store }) => (store.service === undefined ? [] : [[store.name, portOf(config, store)!]])),
    );
    const told = () => ({ cluster: config.cluster, version, ports });
    const stores: Record<string, Address> = {};
    // Stores that others use come last: a client that reaches one is told the ports of the others.
    for (const { store, opened: own } of [...opened].reverse()) {
      const { name, service } = store;
      if (service === undefined) continue;
      const processor = service.processor(own, { metrics, log, info: told });
      const of: ServiceOfPort = {
        service: name,
        roles: service.roles ?? {},
        graphName: (id) => service.graphName?.(own, id),
      };
      stores[name] = await listen(of, ports[name]!, processor, service.requestBytes);
      ports[name] = stores[name].port;
    }
    const foreign = opened.flatMap(({ store, opened: own }) => store.service?.foreignJobs?.(own) ?? []);
    const manager = await listen(
      ownServices.manager,
      managerPort,
      managerProcessor(gizzard, {
        metrics,
        log,
        stores: opened.map(({ store }) => store),
        reload: async () => void (await Promise.all([gizzard.nameServer.reload(), parent?.reloadOthers()])),
      }),
      limits.managerRequestBytes,
    );
    const injector = await listen(
      ownServices.injector,
      injectorPort,
      injectorProcessor(gizzard, { metrics, log, foreign }),
      limits.injectorRequestBytes,
    );
    const info = (): object => ({
      pid: process.pid,
      cluster: config.cluster,
      ...stores,
      manager,
      injector,
      version,
      node: process.version,
      topologyVersion: gizzard.topology.version,
      ...Object.fromEntries(
        opened.flatMap(({ store, opened: own }) => Object.entries(store.service?.info?.(own) ?? {})),
      ),
    });
    const notReady = (): Promise<string | undefined> => whyNotReady(gizzard);
    const notes = (): Promise<string[]> => notesOf(gizzard);
    let shownAt = parent?.portNumber(ownServices.metrics.service);
    if (shownAt === undefined) {
      const server = await AdminServer.listen({
        host,
        port: adminPort,
        registry: () => metrics.registry,
        access: access.port(ownServices.metrics),
        tls,
        site,
        info,
        notReady,
        notes,
      });
      closing.push(() => server.close());
      shownAt = server.port;
    }
    const admin: Address = { host, port: shownAt };
    gizzard.servers.describe({
      machine: hostname(),
      pid: process.pid,
      version,
      host,
      ...Object.fromEntries(Object.entries(stores).map(([name, { port }]) => [`${name}Port`, port])),
      managerPort: manager.port,
      injectorPort: injector.port,
      adminPort: admin.port,
      ...(parent === undefined ? {} : { processes: parent.processes }),
    });
    parent?.ready({
      worker: gizzard.jobs.worker,
      onGone: (worker) => gizzard.jobs.takeFrom(worker),
      metrics: async () => await metrics.registry.getMetricsAsJSON(),
      state: async () => ({ info: info(), notReady: await notReady(), notes: await notes() }),
      reload: async () => {
        await gizzard.nameServer.reload();
        return true;
      },
    });
    return { stores, manager, injector, admin, close };
  } catch (error) {
    await close();
    throw error;
  }
}
