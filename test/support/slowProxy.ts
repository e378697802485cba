import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export type Way = 'toServer' | 'toClient';

/** What goes one way: passed on, or kept in order while the way is held. */
class Lane {
  held = false;
  readonly #kept: (() => void)[] = [];

  pass(send: () => void): void {
    if (this.held) this.#kept.push(send);
    else send();
  }

  release(): void {
    this.held = false;
    for (const send of this.#kept.splice(0)) send();
  }

  get waiting(): number {
    return this.#kept.length;
  }
}

/**
 * The way to a TCP server, which a test holds up as a network may: what is sent while a direction is held arrives when it is released, also when the side that sent it is gone by then.
 * Connections are made and accepted meanwhile.
 */
export class SlowProxy {
  readonly #lanes: Readonly<Record<Way, Lane>> = { toServer: new Lane(), toClient: new Lane() };
  readonly #sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  static async open(port: number, host = '127.0.0.1'): Promise<SlowProxy> {
    const server = createServer({ allowHalfOpen: true }, (near) => {
      const far = connect({ port, host, allowHalfOpen: true });
      proxy.#join('toServer', near, far);
      proxy.#join('toClient', far, near);
    });
    const proxy = new SlowProxy(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  hold(way: Way): void {
    this.#lanes[way].held = true;
  }

  /** Lets all that was kept go on, in order. */
  release(way: Way): void {
    this.#lanes[way].release();
  }

  /** How many pieces are kept: bytes, and ends of connections. */
  waiting(way: Way): number {
    return this.#lanes[way].waiting;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  #join(way: Way, from: Socket, to: Socket): void {
    const lane = this.#lanes[way];
    this.#sockets.add(from);
    from.on('data', (bytes) => lane.pass(() => to.write(bytes)));
    from.on('end', () => lane.pass(() => to.end()));
    // Either side may reset its connection; 'close' follows.
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#sockets.delete(from);
      lane.pass(() => to.destroySoon());
    });
  }
}
