import type { ChildProcess } from 'node:child_process';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { listen } from '../thriftServer.js';
import type { Ports, ToProcess } from './messages.js';

/** The most connections that wait for a process; further ones are closed. */
const mostWaiting = 1_024;

interface Waiting {
  readonly port: string;
  readonly socket: Socket;
}

/**
 * A process that takes connections. One connection is in transit to it at a time, so that a process that hangs delays
 * one client only.
 */
interface Taker {
  readonly child: ChildProcess;
  readonly open: Map<string, number>;
  onItsWay: Waiting | undefined;
  /** True once it is shutting down: it gets no more connections. */
  leaving: boolean;
}

/**
 * Listens on the ports of a server, and hands each connection to the process with the fewest connections of that port.
 * If a process ends before it has taken a connection, another process gets the connection.
 */
export class ConnectionHandout {
  readonly #servers = new Map<string, Server>();
  readonly #takers = new Map<ChildProcess, Taker>();
  readonly #waiting: Waiting[] = [];
  #closed = false;

  private constructor() {}

  /** Throws `Unavailable` if a port is taken or the host is not of this machine; nothing listens then. */
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

  /** The ports it listens on, by service. */
  get ports(): Ports {
    return Object.fromEntries(
      Array.from(this.#servers, ([name, server]) => [name, (server.address() as AddressInfo).port]),
    );
  }

  /** Starts handing connections to a process. */
  add(child: ChildProcess): void {
    this.#takers.set(child, { child, open: new Map(), onItsWay: undefined, leaving: false });
    this.#handOut();
  }

  /** Stops handing connections to a process. It may still confirm the last one. */
  leave(child: ChildProcess): void {
    const taker = this.#takers.get(child);
    if (taker !== undefined) taker.leaving = true;
  }

  /** Reports that a process has ended. Another process gets the connection in transit to it. */
  ended(child: ChildProcess): void {
    const untaken = this.#takers.get(child)?.onItsWay;
    this.#takers.delete(child);
    if (untaken !== undefined) this.#waiting.unshift(untaken);
    this.#handOut();
  }

  /** Reports that a process refused the connection in transit to it. Another process gets it. */
  refused(child: ChildProcess): void {
    const taker = this.#takers.get(child);
    if (taker?.onItsWay === undefined) return;
    this.#waiting.unshift(taker.onItsWay);
    taker.onItsWay = undefined;
    this.#handOut();
  }

  /** Reports that a process has taken the connection in transit to it. */
  taken(child: ChildProcess): void {
    const taker = this.#takers.get(child);
    // Closes the parent's descriptor, not the connection.
    taker?.onItsWay?.socket.destroy();
    if (taker !== undefined) taker.onItsWay = undefined;
    this.#handOut();
  }

  /** Reports that a connection of a process has ended. */
  closed(child: ChildProcess, port: string): void {
    const open = this.#takers.get(child)?.open;
    open?.set(port, (open.get(port) ?? 1) - 1);
  }

  /** Stops listening, and closes connections that no process has taken. */
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
      // Sending fails only if the process has ended; its end is reported separately.
      taker.child.send(message, next.socket, { keepOpen: true }, () => undefined);
    }
  }
}
