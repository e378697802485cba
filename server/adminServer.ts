import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jsonText, RoostError } from '../core/index.js';
import type { Metrics } from '../process/index.js';
import { inline, ostrichStats, ostrichText } from './ostrichStats.js';
import { listen } from './thriftServer.js';

export interface AdminServerOptions {
  readonly host: string;
  /** 0: a free port, to be read from `port`. */
  readonly port: number;
  readonly metrics: Metrics;
  /** Why the server cannot do its work, or undefined when it can. */
  readonly notReady: () => Promise<string | undefined> | string | undefined;
  /** What `/readyz` says beside `ok`: faults elsewhere that do not keep this server from its work. */
  readonly notes?: () => Promise<readonly string[]>;
  /** What `/server_info` prints as JSON. A bigint is printed as a decimal string. */
  readonly info: () => object;
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const text = (status: number, body: string): Page => ({ status, type: 'text/plain; charset=utf-8', body: `${body}\n` });

/** `/healthz` (the process answers), `/readyz` (it can do its work), `/metrics` (Prometheus text) and `/server_info` (JSON); `/server_info.txt` and `/stats.txt` are as Ostrich wrote them. */
export class AdminServer {
  readonly #server: Server;

  private constructor(private readonly options: AdminServerOptions) {
    this.#server = createServer(
      { requestTimeout: 5_000, headersTimeout: 5_000, keepAliveTimeout: 5_000, maxHeaderSize: 8_192 },
      (request, response) => {
        // Where not even the error can be written, there is nobody to tell.
        this.#answer(request, response).catch(() => response.destroy());
      },
    );
    this.#server.maxConnections = 64;
  }

  /** Throws `Unavailable` where the port is taken or the host is not of this machine. */
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
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let page: Page;
    try {
      page =
        request.method === 'GET' || request.method === 'HEAD'
          ? await this.#page(request.url ?? '/')
          : text(405, 'only GET and HEAD');
    } catch (error) {
      page = text(500, RoostError.from(error).message);
    }
    response.writeHead(page.status, { 'content-type': page.type, 'content-length': Buffer.byteLength(page.body) });
    response.end(request.method === 'HEAD' ? undefined : page.body);
  }

  async #page(url: string): Promise<Page> {
    const { metrics, notReady, info } = this.options;
    switch (url.replace(/\?.*/, '')) {
      case '/healthz':
        return text(200, 'ok');
      case '/readyz': {
        const why = await notReady();
        if (why !== undefined) return text(503, why);
        return text(200, ['ok', ...((await this.options.notes?.()) ?? [])].join('\n'));
      }
      case '/metrics':
        return { status: 200, type: metrics.registry.contentType, body: await metrics.registry.metrics() };
      case '/server_info':
        return { status: 200, type: 'application/json', body: `${jsonText(info(), 2)}\n` };
      case '/server_info.txt':
        return text(200, ostrichText({ name: 'roost', ...serverTimes(), ...info() }));
      case '/stats.txt': {
        const stats = await ostrichStats(metrics);
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

const serverTimes = (): object => ({
  start_time: new Date(performance.timeOrigin).toUTCString(),
  uptime: Math.round(performance.now()),
});
