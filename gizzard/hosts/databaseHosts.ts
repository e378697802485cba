import { RoostError, type Log, type RoostConfig } from '../../core/index.js';
import { DatabaseHost } from './databaseHost.js';

/** The database hosts of the configuration, each with its pool, made when it is first used. */
export class DatabaseHosts {
  readonly #hosts = new Map<string, DatabaseHost>();

  constructor(
    private readonly config: Pick<RoostConfig, 'databaseHosts' | 'pool'>,
    private readonly log: Log,
  ) {}

  /** Throws `FailedPrecondition` for a host that the configuration does not name. */
  host(name: string): DatabaseHost {
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    const config = this.config.databaseHosts[name];
    if (config === undefined) {
      throw new RoostError('FailedPrecondition', `the topology names database host ${name}, which the configuration does not: add it under databaseHosts`, { fields: { host: name } });
    }
    const host = new DatabaseHost(name, config, this.config.pool, this.log);
    this.#hosts.set(name, host);
    return host;
  }

  /** Whether the host should be asked before others. A host that the configuration does not name is not. */
  isHealthy = (name: string): boolean => this.config.databaseHosts[name] !== undefined && this.host(name).health.healthy;

  async close(): Promise<void> {
    await Promise.all([...this.#hosts.values()].map((host) => host.close()));
    this.#hosts.clear();
  }
}
