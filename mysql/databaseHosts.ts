import type { Gauge } from 'prom-client';
import { RoostError } from '../core/index.js';
import { Metrics, type Log, type RoostConfig } from '../process/index.js';
import { DatabaseHost, type ObserveStatement } from './databaseHost.js';

/** The configured database hosts, each with a pool that is created on first use. */
export class DatabaseHosts {
  readonly #hosts = new Map<string, DatabaseHost>();
  readonly #observe: (host: string) => ObserveStatement;
  /** A set: `constructor` is not a host. */
  readonly #names: ReadonlySet<string>;
  #closed = false;

  constructor(
    private readonly config: Pick<RoostConfig, 'databaseHosts' | 'pool'>,
    private readonly log: Log,
    metrics = new Metrics(),
  ) {
    this.#names = new Set(Object.keys(config.databaseHosts));
    const seconds = metrics.histogram(
      'roost_sql_duration_seconds',
      'Time of SQL statements, by database host and code',
      ['host', 'code'],
    );
    this.#observe = (host) => {
      // Looked up once, since nearly every statement ends this way.
      const ok = seconds.labels({ host, code: 'OK' });
      return (code, tookSeconds) => (code === 'OK' ? ok : seconds.labels({ host, code })).observe(tookSeconds);
    };
    const gauge = (name: string, help: string, value: (host: DatabaseHost) => number): void => {
      const collect = (gauge: Gauge<'host'>): void => {
        for (const host of this.#hosts.values()) gauge.set({ host: host.name }, value(host));
      };
      metrics.gauge(name, help, ['host'], collect, 'sum');
    };
    gauge('roost_sql_connections_in_use', 'Connections that statements run on, by database host', (host) => host.inUse);
    gauge('roost_sql_waiting', 'Callers that wait for a connection, by database host', (host) => host.waiting);
  }

  /** Throws `FailedPrecondition` for a host that is not configured, and `Unavailable` once closed. */
  host(name: string): DatabaseHost {
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    if (this.#closed)
      throw new RoostError('Unavailable', 'the database hosts are closed', {
        fields: { host: name },
        retryable: false,
      });
    const config = this.#names.has(name) ? this.config.databaseHosts[name] : undefined;
    if (config === undefined) {
      throw new RoostError(
        'FailedPrecondition',
        `the configuration of this command does not name database host ${name}: add it under databaseHosts`,
        { fields: { host: name } },
      );
    }
    const host = new DatabaseHost(name, config, this.config.pool, this.log, this.#observe(name));
    this.#hosts.set(name, host);
    return host;
  }

  /** The hosts of the configuration, by name. */
  get names(): readonly string[] {
    return Object.keys(this.config.databaseHosts).sort();
  }

  /** Whether the host is configured. */
  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Whether to ask the host before others. False for one that is not configured. */
  isHealthy = (name: string): boolean => !this.#closed && this.#names.has(name) && this.host(name).health.healthy;

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#hosts.values()].map((host) => host.close()));
  }
}
