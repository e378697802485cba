import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export type Way = 'toServer' | 'toClient';

interface Piece {
  readonly dueMs: number;
  readonly send: () => void;
}

/** The traffic in one direction: passed on, or kept in order while the direction is held or slow. */
class Lane {
  held = false;
  delayMs = 0;
  readonly #kept: Piece[] = [];
  #timer: NodeJS.Timeout | undefined;

  pass(send: () => void): void {
    const nowMs = performance.now();
    // No piece overtakes another when the direction becomes faster.
    this.#kept.push({ dueMs: Math.max(nowMs + this.delayMs, this.#kept.at(-1)?.dueMs ?? 0), send });
    this.#sendDue();
  }

  release(): void {
    this.held = false;
    this.delayMs = 0;
    for (const { send } of this.#kept.splice(0)) send();
  }

  drop(): void {
    clearTimeout(this.#timer);
    this.#kept.length = 0;
  }

  get waiting(): number {
    return this.#kept.length;
  }

  #sendDue(): void {
    while (!this.held && this.#kept.length > 0) {
      const leftMs = this.#kept[0]!.dueMs - performance.now();
      if (leftMs > 0) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#sendDue(), Math.ceil(leftMs));
        return;
      }
      this.#kept.shift()!.send();
    }
  }
}

/**
 * A proxy to a TCP server, which a test delays as a network may. Data sent while a direction is held arrives when the
 * direction is released, even if the sender is gone by then. Connections are made and accepted meanwhile.
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

  /** Delays each piece that is sent from now on by `delayMs`, until the direction is released. */
  slow(way: Way, delayMs: number): void {
    this.#lanes[way].delayMs = delayMs;
  }

  /** Passes on everything that was kept, in order, and is fast again. */
  release(way: Way): void {
    this.#lanes[way].release();
  }

  /** Ends all connections at once, as a reset does. What was kept is lost. */
  cut(): void {
    for (const lane of Object.values(this.#lanes)) lane.drop();
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Returns the number of kept pieces: bytes, and ends of connections. */
  waiting(way: Way): number {
    return this.#lanes[way].waiting;
  }

  async close(): Promise<void> {
    for (const lane of Object.values(this.#lanes)) lane.drop();
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
    for (const lane of Object.values(this.#lanes)) lane.drop();
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
