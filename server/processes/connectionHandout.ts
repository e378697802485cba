import type { ChildProcess } from 'node:child_process';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { listen } from '../thriftServer.js';
import type { Ports, ToProcess } from './messages.js';

/** Connections that wait for a process that takes them; past it new ones are closed. */
const mostWaiting = 1_024;

interface Waiting {
  readonly port: string;
  readonly socket: Socket;
}

/** A process as it takes connections. One is on its way to it at a time, so that a process that hangs holds up one client and no more. */
interface Taker {
  readonly child: ChildProcess;
  readonly open: Map<string, number>;
  onItsWay: Waiting | undefined;
  /** Whether it ends, and is handed no more. */
  leaving: boolean;
}

/**
 * Listens on the ports of a server, and hands each connection to the process that has the fewest of that port. A connection whose process ends before it has taken it goes to another.
 */
export class ConnectionHandout {
  readonly #servers = new Map<string, Server>();
  readonly #takers = new Map<ChildProcess, Taker>();
  readonly #waiting: Waiting[] = [];
  #closed = false;

  private constructor() {}

  /** Throws `Unavailable` where a port is taken, or the host is not of this machine; nothing listens then. */
  static async listen(host: string, ports: Ports, onError: (error: Error) => void): Promise<ConnectionHandout> {
    const handout = new ConnectionHandout();
    try {
      for (const [name, port] of Object.entries(ports)) {
        const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) =>
          handout.#arrived({ port: name, socket }),
        );
        await listen(server, host, port);
        server.on('error', onError);
        handout.#servers.set(name, server);
      }
      return handout;
    } catch (error) {
      handout.close();
      throw error;
    }
  }

  /** The ports that it listens on. */
  get ports(): Ports {
    return Object.fromEntries(
      Array.from(this.#servers, ([name, server]) => [name, (server.address() as AddressInfo).port]),
    );
  }

  /** Hands connections to a process from now on. */
  add(child: ChildProcess): void {
    this.#takers.set(child, { child, open: new Map(), onItsWay: undefined, leaving: false });
    this.#handOut();
  }

  /** Hands a process no more. It may still say that it has taken the last one. */
  leave(child: ChildProcess): void {
    const taker = this.#takers.get(child);
    if (taker !== undefined) taker.leaving = true;
  }

  /** A process has ended: what it did not take goes to another. */
  ended(child: ChildProcess): void {
    const untaken = this.#takers.get(child)?.onItsWay;
    this.#takers.delete(child);
    if (untaken !== undefined) this.#waiting.unshift(untaken);
    this.#handOut();
  }

  /** A process does not take the connection that was sent to it: another gets it. */
  refused(child: ChildProcess): void {
    const taker = this.#takers.get(child);
    if (taker?.onItsWay === undefined) return;
    this.#waiting.unshift(taker.onItsWay);
    taker.onItsWay = undefined;
    this.#handOut();
  }

  /** A process has the connection that was sent to it. */
  taken(child: ChildProcess): void {
    const taker = this.#takers.get(child);
    // This closes the parent's descriptor, and not the connection.
    taker?.onItsWay?.socket.destroy();
    if (taker !== undefined) taker.onItsWay = undefined;
    this.#handOut();
  }

  /** A connection has ended. */
  closed(child: ChildProcess, port: string): void {
    const open = this.#takers.get(child)?.open;
    open?.set(port, (open.get(port) ?? 1) - 1);
  }

  /** Listens no more, and closes what nobody has taken. */
  close(): void {
    for (const server of this.#servers.values()) server.close();
    this.#closed = true;
    this.#handOut();
  }

  #arrived(connection: Waiting): void {
    connection.socket.on('error', () => undefined);
    if (this.#waiting.length >= mostWaiting) return void connection.socket.destroy();
    this.#waiting.push(connection);
    this.#handOut();
  }

  #handOut(): void {
    if (this.#closed) for (const { socket } of this.#waiting.splice(0)) socket.destroy();
    while (this.#waiting.length > 0) {
      const free = [...this.#takers.values()].filter(
        ({ child, onItsWay, leaving }) => child.connected && !leaving && onItsWay === undefined,
      );
      if (free.length === 0) return;
      const next = this.#waiting.shift()!;
      const openOf = ({ open }: Taker): number => open.get(next.port) ?? 0;
      const taker = free.reduce((a, b) => (openOf(b) < openOf(a) ? b : a));
      taker.onItsWay = next;
      taker.open.set(next.port, openOf(taker) + 1);
      const message: ToProcess = { kind: 'connection', port: next.port };
      // Where it cannot be sent the process has ended, which is noticed by itself.
      taker.child.send(message, next.socket, { keepOpen: true }, () => undefined);
    }
  }
}
