import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Gauge } from 'prom-client';
import { Access, type PortAccess } from '../access/index.js';
import { RoostError, type Tracing } from '../core/index.js';
import type { Log, Metrics, ServerTls } from '../process/index.js';
import { CallQueue } from './callQueue.js';
import { ClientLines } from './clientLines.js';
import { ConnectionTable } from './connectionTable.js';
import type { Handshake } from './handshake.js';
import { LoopPauses } from './loopPauses.js';
import type { HandedPort } from './processes/parentLink.js';
import { ReadingTurns } from './readingTurns.js';
import { defaultServerLimits, ServerLoad, type ServerLimitOptions } from './serverLoad.js';
import { clientOf, createSecureServer } from './secureServer.js';
import { Slab } from './slab.js';
import { ServedConnection } from './servedConnection.js';
import type { ThriftService } from './thriftService.js';

export interface ThriftServerOptions {
  /** What its metrics are labeled with. */
  readonly service: string;
  readonly host: string;
  /** 0: a free port, to be read from `port`. Of a process that does not listen itself: what hands it the connections. */
  readonly port: number | HandedPort;
  readonly processor: ThriftService;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Absent: traces of clients end here. */
  readonly tracing?: Tracing | undefined;
  readonly limits?: ServerLimitOptions;
  /** Absent: everybody may call everything. */
  readonly access?: PortAccess;
  /** Absent: no encryption. */
  readonly tls?: ServerTls | undefined;
}

/** Connections are checked as often as their limits require, within these bounds. */
const minLookMs = 10;
const maxLookMs = 10_000;

/**
 * A Thrift service on one TCP port, for framed and unframed clients of the strict binary protocol. Bytes that are no
 * message close the connection they came from, and only that.
 */
export class ThriftServer {
  readonly #connections: ConnectionTable<ServedConnection | Handshake>;
  readonly #load: ServerLoad;
  readonly #queue: CallQueue;
  readonly #pauses = new LoopPauses();
  readonly #reading = new ReadingTurns();
  readonly #slab = new Slab();
  readonly #server: Server;
  #looks: NodeJS.Timeout | undefined;

  private constructor(private readonly options: ThriftServerOptions) {
    const { service, processor, metrics, log, limits, tls, tracing } = options;
    const { access = Access.open.port({ service, roles: {} }) } = options;
    this.#load = new ServerLoad({
      ...defaultServerLimits,
      ...limits,
      slots: { ...defaultServerLimits.slots, ...limits?.slots },
    });
    this.#queue = new CallQueue(this.#load);
    this.#connections = new ConnectionTable(this.#load);
    const servers = serversOf(metrics).set(service, this);
    const gauge = (name: string, help: string, value: (server: ThriftServer) => number): void => {
      const collect = (gauge: Gauge<'service'>): void => {
        for (const [label, server] of servers) gauge.set({ service: label }, value(server));
      };
      metrics.gauge(name, help, ['service'], collect, 'sum');
    };
    gauge('roost_rpc_connections', 'Open connections, by service', (server) => server.#connections.size);
    gauge('roost_rpc_in_flight', 'Requests in work, by service', (server) => server.#load.inWork);
    gauge('roost_rpc_queued', 'Requests that wait for their turn, by service', (server) => server.#queue.size);
    gauge(
      'roost_rpc_held_bytes',
      'Bytes of requests that are incomplete or not answered, and of answers that are not taken, by service',
      (server) => server.#load.heldBytes,
    );
    const refused = metrics.counter(
      'roost_rpc_connections_refused_total',
      'Connections that the server closed, by reason',
      ['reason'],
    );
    const refusedAfter = metrics.histogram(
      'roost_rpc_refused_seconds',
      'Time from reading a request to refusing it, of those refused together the longest',
      ['service'],
    );

    const lines = new ClientLines(log);
    const hasRoom = (socket: Socket): boolean => {
      if (this.#connections.makeRoom(socket.remoteAddress ?? '')) return true;
      refused.inc({ reason: 'connections' });
      socket.destroy();
      return false;
    };
    const take = (socket: Socket, transport: Socket): void => {
      const client = clientOf(transport);
      this.#connections.add(
        new ServedConnection({
          socket,
          transport,
          load: this.#load,
          pauses: this.#pauses,
          queue: this.#queue,
          reading: this.#reading,
          slab: this.#slab,
          service: processor,
          name: service,
          tracing,
          access,
          onClose: (connection) => this.#connections.delete(connection),
          onFault: (reason, error) => {
            refused.inc({ reason });
            if (reason === 'error')
              lines.write('error', reason, { client, err: error }, 'a call could not be answered as it should');
            else
              lines.write(
                reason === 'idle' ? 'debug' : 'warn',
                reason,
                { client },
                `connection closed: ${error.message}`,
              );
          },
          onRefused: (waitedMs) => refusedAfter.observe({ service }, waitedMs / 1_000),
          onHeld: () => this.#connections.relieve(),
        }),
      );
    };
    this.#server =
      tls === undefined
        ? createServer({ allowHalfOpen: true }, (socket) => {
            if (hasRoom(socket)) take(socket, socket);
          })
        : createSecureServer(tls, {
            handshakeMs: this.#load.limits.incompleteMs,
            connections: this.#connections,
            hasRoom,
            take,
            onFailed: (socket, why) => {
              refused.inc({ reason: 'handshake' });
              lines.write('warn', 'handshake', { client: clientOf(socket) }, `connection closed: ${why}`);
            },
          });
  }

  /** Throws `Unavailable` if the port is taken or the host does not belong to this machine. */
  static async listen(options: ThriftServerOptions): Promise<ThriftServer> {
    const server = new ThriftServer(options);
    if (typeof options.port === 'number') await listen(server.#server, options.host, options.port);
    else options.port.handTo(server.#server);
    server.#watch(options.log);
    return server;
  }

  get port(): number {
    const { port } = this.options;
    return typeof port === 'number' ? (this.#server.address() as AddressInfo).port : port.port;
  }

  /**
   * Accepts no more connections and requests, waits at most `graceMs` for answers in flight, then closes everything.
   */
  async close(graceMs = 5_000): Promise<void> {
    clearInterval(this.#looks);
    this.#pauses.close();
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const connection of this.#connections) connection.finish();
    const timer = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, graceMs);
    // Sockets that were handed to the server are not counted by it.
    await Promise.all([closed, this.#connections.emptied()]);
    clearTimeout(timer);
  }

  #watch(log: Log): void {
    // Once it listens, an error (no free descriptor for a new client, say) concerns that client only.
    this.#server.on('error', (error) => log.warn({ err: error }, 'a client could not connect'));
    const { idleMs, incompleteMs, unknownMs } = this.#load.limits;
    const everyMs = Math.min(Math.max(Math.min(idleMs, incompleteMs, unknownMs) / 4, minLookMs), maxLookMs);
    this.#looks = setInterval(() => {
      for (const connection of this.#connections) connection.look(everyMs);
    }, everyMs);
  }
}

/** A registry accepts a gauge once; this is what it shows if a process serves several ports. */
const byMetrics = new WeakMap<Metrics, Map<string, ThriftServer>>();

function serversOf(metrics: Metrics): Map<string, ThriftServer> {
  const known = byMetrics.get(metrics) ?? new Map<string, ThriftServer>();
  byMetrics.set(metrics, known);
  return known;
}

/** Listens, or throws `Unavailable` with host and port. */
export async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      const why =
        error.code === 'EADDRINUSE'
          ? 'the port is taken: stop what listens there, or choose another port'
          : error.message;
      reject(
        new RoostError('Unavailable', `cannot listen on ${host}:${port}: ${why}`, {
          cause: error,
          retryable: false,
          fields: { host, port },
        }),
      );
    };
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve();
    });
  });
}
