import { RoostError } from '../core/index.js';
import type { Metrics } from '../process/index.js';
import type { Backend, Host } from './backend.js';

/** The hosts of all backends of a process, by name. */
export class Hosts {
  readonly #backends = new Map<string, Backend>();
  readonly #byHost = new Map<string, Backend>();
  #closed = false;
  /** `server vm:7915` if this process is a server. */
  serverName: () => string | undefined = () => undefined;

  constructor(metrics: Metrics) {
    metrics.gauge(
      'roost_host_up',
      'Whether requests to a database host succeed',
      ['host'],
      (gauge) => {
        if (this.#closed) return;
        for (const [host, backend] of this.#byHost) gauge.set({ host }, backend.host(host).health.down ? 0 : 1);
      },
      'min',
    );
  }

  /** Adds a backend once. Throws `InvalidArgument` if another backend has its name or one of its hosts. */
  add(backend: Backend): void {
    const known = this.#backends.get(backend.name);
    if (known === backend) return;
    if (known !== undefined) throw new RoostError('InvalidArgument', `there are two backends ${backend.name}`);
    for (const name of backend.names) {
      const other = this.#byHost.get(name);
      if (other !== undefined)
        throw new RoostError(
          'InvalidArgument',
          `host ${name} stands in the configuration of ${other.name} and of ${backend.name}: give one of them another name`,
          { fields: { host: name } },
        );
    }
    this.#backends.set(backend.name, backend);
    for (const name of backend.names) this.#byHost.set(name, backend);
  }

  /** All names, sorted. */
  get names(): readonly string[] {
    return [...this.#byHost.keys()].sort();
  }

  has(name: string): boolean {
    return this.#byHost.has(name);
  }

  /**
   * A host by name. For one that is not configured it throws `Unavailable` in a server, because another server may
   * know it, and otherwise `FailedPrecondition`. Throws `Unavailable` once closed.
   */
  host(name: string): Host {
    return this.backendOf(name).host(name);
  }

  /** A host's backend. Throws as `host`. */
  backendOf(name: string): Backend {
    if (this.#closed)
      throw new RoostError('Unavailable', 'the hosts are closed', { fields: { host: name }, retryable: false });
    const backend = this.#byHost.get(name);
    if (backend !== undefined) return backend;
    const server = this.serverName();
    if (server !== undefined)
      throw new RoostError('Unavailable', unknownHostText(server, [name]), { fields: { host: name } });
    throw new RoostError(
      'FailedPrecondition',
      `the configuration of this command does not name database host ${name}: add it under databaseHosts`,
      { fields: { host: name } },
    );
  }

  /** Throws `FailedPrecondition` if this process has no such backend. */
  backend(name: string): Backend {
    const backend = this.#backends.get(name);
    if (backend !== undefined) return backend;
    throw new RoostError('FailedPrecondition', `this process has no backend ${name}`, { fields: { backend: name } });
  }

  /** Whether to ask a host before others. False for one that is not configured. */
  isHealthy = (name: string): boolean => {
    const backend = this.#closed ? undefined : this.#byHost.get(name);
    return backend !== undefined && backend.host(name).health.healthy;
  };

  /** Whether a write's error on a host concerns the written data. */
  namesData(name: string, error: RoostError): boolean {
    const backend = this.#byHost.get(name);
    return backend?.namesData?.(error) ?? dataCodes.has(error.code);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#backends.values()].map((backend) => backend.close()));
  }
}

const dataCodes: ReadonlySet<string> = new Set(['DataLoss', 'InvalidArgument', 'Internal']);

/** One line for people. `server` is `server vm:7915`. */
export const unknownHostText = (server: string, hosts: readonly string[]): string =>
  `${server} does not know ${hosts.join(', ')}: add ${hosts.length === 1 ? 'it' : 'them'} to that server's configuration and restart it`;
