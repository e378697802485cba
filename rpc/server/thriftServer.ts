import { createServer, type AddressInfo, type Server } from 'node:net';
import { RoostError, type Log, type Metrics } from '../../core/index.js';
import type { ProcessorFactory } from './requestGate.js';
import { defaultServerLimits, ServerLoad, type ThriftServerLimits } from './serverLoad.js';
import { ThriftConnection } from './thriftConnection.js';

export interface ThriftServerOptions {
  /** What its metrics are labelled with; `flock` where absent. */
  readonly service?: string;
  readonly host: string;
  /** 0: a free port, to be read from `port`. */
  readonly port: number;
  readonly processor: ProcessorFactory;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly limits?: Partial<ThriftServerLimits>;
}

/**
 * A Thrift service on one TCP port, for framed and unframed clients of the strict binary protocol.
 * Bytes that are no message close the connection that they came from, and only that.
 */
export class ThriftServer {
  readonly #connections = new Set<ThriftConnection>();
  readonly #load: ServerLoad;
  readonly #server: Server;
  #sweep: NodeJS.Timeout | undefined;

  private constructor({ service = 'flock', processor, metrics, log, limits }: ThriftServerOptions) {
    this.#load = new ServerLoad({ ...defaultServerLimits, ...limits });
    const servers = serversOf(metrics).set(service, this);
    metrics.gauge('roost_rpc_connections', 'Open connections, by service', ['service'], (gauge) => {
      for (const [name, server] of servers) gauge.set({ service: name }, server.#connections.size);
    });
    metrics.gauge('roost_rpc_in_flight', 'Requests being answered, by service', ['service'], (gauge) => {
      for (const [name, server] of servers) gauge.set({ service: name }, server.#load.inFlight);
    });
    const refused = metrics.counter('roost_rpc_connections_refused_total', 'Connections that the server closed, by reason', ['reason']);

    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      const client = `${socket.remoteAddress}:${socket.remotePort}`;
      const connection = new ThriftConnection(
        socket,
        this.#load,
        processor,
        () => this.#connections.delete(connection),
        (reason, error) => {
          refused.inc({ reason });
          log[reason === 'idle' ? 'debug' : 'warn']({ client, reason }, `connection closed: ${error.message}`);
        },
      );
      this.#connections.add(connection);
    });
    this.#server.maxConnections = this.#load.limits.connections;
    this.#server.on('drop', () => refused.inc({ reason: 'connections' }));
  }

  /** Throws `Unavailable` where the port is taken or the host is not of this machine. */
  static async listen(options: ThriftServerOptions): Promise<ThriftServer> {
    const server = new ThriftServer(options);
    await listen(server.#server, options.host, options.port);
    server.#watch(options.log);
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Takes no more connections and requests, and waits for the answers in flight for at most `graceMs`; then closes whatever is open. */
  async close(graceMs = 5_000): Promise<void> {
    clearInterval(this.#sweep);
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const connection of this.#connections) connection.finish();
    const timer = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, graceMs);
    await closed;
    clearTimeout(timer);
  }

  #watch(log: Log): void {
    // After it listens, an error (no free descriptor for a new client, say) concerns that client only.
    this.#server.on('error', (error) => log.warn({ err: error }, 'a client could not connect'));
    const { idleMs } = this.#load.limits;
    this.#sweep = setInterval(
      () => {
        for (const connection of this.#connections) connection.closeIfIdle(idleMs);
      },
      Math.min(Math.max(idleMs / 4, 10), 10_000),
    );
  }
}

/** A registry takes a gauge once; this is what it shows when a process serves several ports. */
const byMetrics = new WeakMap<Metrics, Map<string, ThriftServer>>();

function serversOf(metrics: Metrics): Map<string, ThriftServer> {
  const known = byMetrics.get(metrics) ?? new Map<string, ThriftServer>();
  byMetrics.set(metrics, known);
  return known;
}

/** Listens, or throws `Unavailable` naming host and port. */
export async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      const why = error.code === 'EADDRINUSE' ? 'the port is taken: stop what listens there, or choose another port' : error.message;
      reject(new RoostError('Unavailable', `cannot listen on ${host}:${port}: ${why}`, { cause: error, retryable: false, fields: { host, port } }));
    };
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve();
    });
  });
}
