import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { Access, type CallerAccess, type PortAccess, type ServiceRoles } from '../access/index.js';
import { type ErrorCode, isLoopback, jsonText, limits, RoostError } from '../core/index.js';
import type { Registry } from 'prom-client';
import type { ServerTls } from '../process/index.js';
import { AdminConnection } from './adminConnection.js';
import { ConnectionTable } from './connectionTable.js';
import type { AdminSite, EnterSite } from './adminSite.js';
import { inline, ostrichStats, ostrichText } from './ostrichStats.js';
import { peerOf } from './peer.js';
import { clientOf } from './secureServer.js';
import { SlicedSocket } from './slicedSocket.js';
import { listen } from './thriftServer.js';

export interface AdminServerOptions {
  readonly host: string;
  /** 0: a free port; read it from `port`. */
  readonly port: number;
  /** What `/metrics` and `/stats.txt` print. */
  readonly registry: () => Registry | Promise<Registry>;
  /** Why the server cannot do its work; undefined if it can. */
  readonly notReady: () => Promise<string | undefined> | string | undefined;
  /** Faults elsewhere that do not keep this server from its work; `/readyz` lists them beside `ok`. */
  readonly notes?: () => Promise<readonly string[]>;
  /** The content of `/server_info`, as JSON. A bigint becomes a decimal string. */
  readonly info: () => object | Promise<object>;
  /** Absent: every page is public. */
  readonly access?: PortAccess;
  /** Absent: no encryption. */
  readonly tls?: ServerTls | undefined;
  readonly limits?: { readonly connections?: number; readonly connectionsPerAddress?: number };
  /** Pages for people. Absent: there are none. */
  readonly site?: AdminSite | undefined;
}

/**
 * Roles that the pages need. Health pages are public; unknown callers see only whether the server is ready, not why.
 */
export const adminRoles: ServiceRoles = {
  '/': 'read',
  '/metrics': 'read',
  '/server_info': 'read',
  '/server_info.txt': 'read',
  '/stats.txt': 'read',
};
const healthPages: ReadonlySet<string> = new Set(['/healthz', '/readyz']);
const statuses: Partial<Record<ErrorCode, number>> = { Unauthenticated: 401, PermissionDenied: 403, Overloaded: 429 };

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string | number>>;
}

const text = (status: number, body: string): Page => ({ status, type: 'text/plain; charset=utf-8', body: `${body}\n` });

/**
 * The admin pages: `/healthz` (the process answers), `/readyz` (it can do its work), `/metrics` (Prometheus text) and
 * `/server_info` (JSON); `/server_info.txt` and `/stats.txt` have Ostrich's format.
 */
export class AdminServer {
  readonly #server: Server;
  readonly #access: PortAccess;
  readonly #connections: ConnectionTable<AdminConnection>;
  readonly #byClient = new Map<string, AdminConnection>();

  private constructor(private readonly options: AdminServerOptions) {
    this.#access = options.access ?? Access.open.port({ service: 'metrics', roles: adminRoles });
    this.#connections = new ConnectionTable({
      heldBytes: 0,
      limits: {
        connections: limits.adminConnections,
        connectionsPerAddress: limits.adminConnectionsPerAddress,
        heldBytes: Infinity,
        ...options.limits,
      },
    });
    const bounds = {
      requestTimeout: 5_000,
      headersTimeout: 5_000,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: 5_000,
      maxHeaderSize: 8_192,
    };
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      const connection = this.#byClient.get(clientOf(socketOf(request)));
      // Nobody who means well sends a request before the one before it is answered.
      if (connection?.mayAsk !== true) return void request.destroy();
      connection.begin(response);
      response.once('close', () => connection.end());
      // If not even the error can be written, there is nobody to tell.
      this.#answer(request, response).catch(() => response.destroy());
    };
    const { tls } = options;
    if (tls === undefined) this.#server = createServer(bounds, answer);
    else {
      // Callers without a certificate may still see health pages.
      const server = createTlsServer(
        { ...bounds, ...tls.options, rejectUnauthorized: false, handshakeTimeout: 5_000 },
        answer,
      );
      tls.follow(server);
      this.#server = server;
    }
    this.#server.prependListener('connection', (socket: Socket) => this.#admit(socket));
    readInSlices(this.#server, tls === undefined ? 'connection' : 'secureConnection');
  }

  /** Throws `Unavailable` if the port is taken or the host does not belong to this machine. */
  static async listen(options: AdminServerOptions): Promise<AdminServer> {
    const server = new AdminServer(options);
    await listen(server.#server, options.host, options.port);
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.options.site?.close();
      this.#server.closeAllConnections();
    });
  }

  /** Gives a new connection a place, or closes it if none can be freed. */
  #admit(socket: Socket): void {
    const client = clientOf(socket);
    if (!this.#connections.makeRoom(socket.remoteAddress ?? '')) return void socket.destroy();
    const connection = new AdminConnection(socket);
    this.#connections.add(connection);
    this.#byClient.set(client, connection);
    socket.once('close', () => {
      this.#connections.delete(connection);
      if (this.#byClient.get(client) === connection) this.#byClient.delete(client);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { site } = this.options;
    if (this.#isMeant(request) && site?.has(pathOf(request)) === true)
      return site.answer(request, response, (token, onRevoked) => this.#enter(request, token, onRevoked));
    let page: Page;
    try {
      page = !this.#isMeant(request)
        ? text(403, 'this server is for its own machine: ask for localhost')
        : request.method === 'GET' || request.method === 'HEAD'
          ? await this.#pageFor(request)
          : text(405, 'only GET and HEAD');
    } catch (error) {
      page = text(500, RoostError.from(error).message);
    }
    response.writeHead(page.status, {
      ...page.headers,
      'content-type': page.type,
      'content-length': Buffer.byteLength(page.body),
    });
    response.end(request.method === 'HEAD' ? undefined : page.body);
  }

  /**
   * Whether a request asks for this server by a name of its own. Where everybody on this machine may see everything, a web page of somebody else's could have a browser here fetch the pages, under a name
   * that leads to loopback.
   */
  #isMeant(request: IncomingMessage): boolean {
    const { host } = request.headers;
    if (!this.#access.isOpen || !isLoopback(this.options.host) || host === undefined) return true;
    return healthPages.has(pathOf(request)) || isLoopback(host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'));
  }

  /** The page, if the caller may see it. A token comes as `Authorization: Bearer TOKEN`. */
  async #pageFor(request: IncomingMessage): Promise<Page> {
    const path = pathOf(request);
    const { authorization } = request.headers;
    const caller = this.#access.enter(peerOf(socketOf(request)), () => undefined);
    try {
      const token = authorization === undefined ? undefined : bearerOf(authorization);
      const { known, unknown } = this.#meet(request, caller, token);
      // Health pages are public: a wrong token only shows less of them.
      if (healthPages.has(path)) return await this.#page(path, known);
      const refusal = unknown ?? caller.refusalOf(path);
      if (refusal !== undefined) throw refusal;
      return await this.#page(path, true);
    } catch (thrown) {
      const { code, message, retryAfterMs } = RoostError.from(thrown);
      const status = statuses[code];
      if (status === undefined) throw thrown;
      const headers = {
        ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
        ...(retryAfterMs === undefined ? {} : { 'retry-after': Math.ceil(retryAfterMs / 1_000) }),
      };
      return { ...text(status, message), headers };
    } finally {
      caller.leave();
    }
  }

  /** As `EnterSite`. */
  #enter(request: IncomingMessage, ...[token, onRevoked]: Parameters<EnterSite>): CallerAccess {
    const caller = this.#access.enter(peerOf(socketOf(request)), () => onRevoked?.());
    const refusal = this.#meet(request, caller, token).unknown ?? caller.refusalOf('/');
    if (refusal === undefined) return caller;
    caller.leave();
    throw refusal;
  }

  /** Takes the token that a request brings. Returns whether its caller is known, or else what is wrong with the token or with its client's certificate. */
  #meet(
    request: IncomingMessage,
    caller: CallerAccess,
    token: string | undefined,
  ): { readonly known: boolean; readonly unknown: RoostError | undefined } {
    let unknown: RoostError | undefined;
    if (!this.#hasCertificate(request))
      unknown = new RoostError(
        'Unauthenticated',
        'this page is for clients with a certificate of the authorities in `tls.clientCaFile`',
      );
    else
      try {
        if (token !== undefined) caller.authenticate(token);
      } catch (error) {
        unknown = RoostError.from(error);
      }
    const known = this.#hasCertificate(request) && caller.isKnown;
    // Connections of known callers are not the first to make room for others.
    if (known) this.#byClient.get(clientOf(socketOf(request)))?.makeKnown();
    return { known, unknown };
  }

  /** Whether the client showed a required certificate. */
  #hasCertificate(request: IncomingMessage): boolean {
    const socket = socketOf(request);
    return this.options.tls?.mutual !== true || (socket instanceof TLSSocket && socket.authorized);
  }

  /** @param known whether the caller may see more than the status */
  async #page(path: string, known: boolean): Promise<Page> {
    const { notReady, info } = this.options;
    switch (path) {
      case '/healthz':
        return text(200, 'ok');
      case '/readyz': {
        const why = await notReady();
        if (why !== undefined) return text(503, known ? why : 'not ready');
        return text(200, ['ok', ...(known ? ((await this.options.notes?.()) ?? []) : [])].join('\n'));
      }
      case '/metrics': {
        const registry = await this.options.registry();
        return { status: 200, type: registry.contentType, body: await registry.metrics() };
      }
      case '/server_info':
        return { status: 200, type: 'application/json', body: `${jsonText(await info(), 2)}\n` };
      case '/server_info.txt':
        return text(200, ostrichText({ name: 'roost', ...serverTimes(), ...(await info()) }));
      case '/stats.txt': {
        const stats = await ostrichStats(await this.options.registry());
        return text(
          200,
          ostrichText({
            ...stats,
            metrics: Object.fromEntries(
              Object.entries(stats.metrics).map(([name, distribution]) => [name, inline(distribution)]),
            ),
          }),
        );
      }
      default:
        return text(
          404,
          'not found; there are /healthz, /readyz, /metrics, /server_info, and for tools of before /server_info.txt and /stats.txt',
        );
    }
  }
}

const pathOf = (request: IncomingMessage): string => (request.url ?? '/').replace(/\?.*/, '');

/** Has an HTTP server read its connections a little at a time. */
function readInSlices(server: Server, event: 'connection' | 'secureConnection'): void {
  const [serve] = server.listeners(event).slice(-1) as ((this: Server, socket: Duplex) => void)[];
  server.removeListener(event, serve!);
  server.on(event, (socket: Socket) => serve!.call(server, new SlicedSocket(socket)));
}

/** The connection that a request came on. */
const socketOf = ({ socket }: IncomingMessage): Socket => (socket as unknown as SlicedSocket).inner;

const bearerOf = (authorization: string): string => /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '';

const serverTimes = (): object => ({
  start_time: new Date(performance.timeOrigin).toUTCString(),
  uptime: Math.round(performance.now()),
});
