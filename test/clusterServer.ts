import { type Flock, flockStore, injectedFlockdb, openFlock } from '../flock/index.js';
import { Metrics, silentLog, type RoostConfig } from '../process/index.js';
import { injectorProcessor, managerProcessor, ThriftServer } from '../server/index.js';
import { Injectors } from '../sdk/index.js';

/** A server of a cluster inside the test's process, with its manager and its job injector on free ports. */
export interface ClusterServer {
  readonly flock: Flock;
  readonly metrics: Metrics;
  readonly managerPort: number;
  readonly injectorPort: number;
  close(): Promise<void>;
}

export async function startClusterServer(
  config: RoostConfig,
  options: { readonly injectorPort?: number } = {},
): Promise<ClusterServer> {
  const metrics = new Metrics();
  const log = silentLog;
  const injectors = new Injectors();
  const flock = await openFlock(config, {
    work: true,
    create: true,
    metrics,
    sendJobs: (host, jobs, deadline) =>
      injectors.inject({ host: host.hostname, port: host.port }, jobs, { replicated: true, deadline }),
  });
  const listen = (
    service: string,
    port: number,
    processor: Parameters<typeof ThriftServer.listen>[0]['processor'],
  ): Promise<ThriftServer> => ThriftServer.listen({ service, host: '127.0.0.1', port, processor, metrics, log });
  const manager = await listen('manager', 0, managerProcessor(flock.gizzard, { metrics, log, stores: [flockStore] }));
  const injector = await listen(
    'injector',
    options.injectorPort ?? 0,
    injectorProcessor(flock.gizzard, { metrics, log, foreign: [injectedFlockdb(flock)] }),
  );
  return {
    flock,
    metrics,
    managerPort: manager.port,
    injectorPort: injector.port,
    async close() {
      await Promise.all([manager.close(), injector.close()]);
      await flock.close();
      await injectors.close();
    },
  };
}
