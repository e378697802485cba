import type { Server, Socket } from 'node:net';
import { Deadline, RoostError } from '../../core/index.js';
import type { Metrics } from '../../process/index.js';
import type { ProcessAnswers, ConnectionCounts, MetricJson, Ports, Question, ToParent, ToProcess } from './messages.js';

/** An environment variable that only processes started by a server have. */
const marker = 'ROOST_SERVE_PROCESS';
export const processEnvironment = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...environment,
  [marker]: '1',
});

const reloadDeadlineMs = 10_000;
const countEveryMs = 100;

/** A process without its parent gets no connections. Other processes take over its jobs. */
const orphaned = (): never => process.exit(1);

/** A process's answers to its parent. */
export type Answering = { readonly [What in Question]: () => Promise<ProcessAnswers[What]> };

export interface ReadyProcess {
  /** This process's consumer name in the job queues. */
  readonly worker: string;
  /** Called when another process has ended, to take over its jobs. */
  readonly onGone: (worker: string) => void;
}

/** A port whose connections come from the parent. */
export interface HandedPort {
  readonly port: number;
  /** Hands each connection to a server, which does not listen itself. */
  handTo(server: Server): void;
}

/** The link of a server's process to its parent, which listens for it. The process exits if the parent ends. */
export class ParentLink {
  /** Aborted when the parent asks this process to end. */
  readonly stopping = new AbortController();
  processes = 1;
  #leaving = false;
  readonly #servers = new Map<string, Server>();
  readonly #reloads = new Map<number, (error: string | undefined) => void>();
  #reloadIds = 0;
  #answering: Answering | undefined;
  #onElsewhere: (connections: ConnectionCounts) => void = () => undefined;
  #onGone: (worker: string) => void = () => undefined;
  #counting: NodeJS.Timeout | undefined;
  #begin!: (begun: { readonly processes: number; readonly ports: Ports }) => void;
  readonly #begun = new Promise<{ readonly processes: number; readonly ports: Ports }>((resolve) => {
    this.#begin = resolve;
  });
  #ports: Ports = {};

  private constructor() {
    process.on('message', (message: ToProcess, socket?: Socket) => this.#onMessage(message, socket));
    process.once('disconnect', orphaned);
  }

  /** The link of a process that a server's parent started; undefined in every other process. */
  static ofProcess(environment: NodeJS.ProcessEnv): ParentLink | undefined {
    return process.send === undefined || environment[marker] === undefined ? undefined : new ParentLink();
  }

  /** Gets the ports from the parent, and the number of processes that share the server's limits. */
  async begin(): Promise<void> {
    this.#tell({ kind: 'hello' });
    const { processes, ports } = await this.#begun;
    this.#ports = ports;
    this.processes = processes;
  }

  /** The port of a service. Throws `Internal` if the parent does not listen for it. */
  port(name: string): HandedPort {
    return { port: this.portNumber(name), handTo: (server) => void this.#servers.set(name, server) };
  }

  portNumber(name: string): number {
    const port = this.#ports[name];
    if (port === undefined) throw new RoostError('Internal', `the parent listens on no port for ${name}`);
    return port;
  }

  /** Starts taking connections and answering the parent. */
  ready({ worker, onGone, ...answering }: Answering & ReadyProcess): void {
    this.#answering = answering;
    this.#onGone = onGone;
    this.#tell({ kind: 'ready', worker });
  }

  /** Stops taking connections; other processes get them. */
  leave(): void {
    this.#leaving = true;
    this.#tell({ kind: 'leaving' });
  }

  /** Makes the other processes look for a newer topology. Throws `Unavailable` if one fails, and `DeadlineExceeded`. */
  async reloadOthers(): Promise<void> {
    const id = ++this.#reloadIds;
    const answer = new Promise<string | undefined>((resolve) => this.#reloads.set(id, resolve));
    this.#tell({ kind: 'reloadOthers', id });
    try {
      const error = await Deadline.after(reloadDeadlineMs).race(answer, 'reloading the other processes');
      if (error !== undefined) throw new RoostError('Unavailable', error);
    } finally {
      this.#reloads.delete(id);
    }
  }

  /** Reports this process's open connections to the parent at each change, and passes on those of the other processes. */
  shareConnections(own: () => ConnectionCounts, onElsewhere: (connections: ConnectionCounts) => void): void {
    this.#onElsewhere = onElsewhere;
    let told = '{}';
    this.#counting = setInterval(() => {
      const connections = own();
      const text = JSON.stringify(connections);
      if (text === told) return;
      told = text;
      this.#tell({ kind: 'connections', connections });
    }, countEveryMs);
  }

  /** Sends the final metrics to the parent, and disconnects, so that this process can exit. */
  async close({ registry }: Metrics): Promise<void> {
    clearInterval(this.#counting);
    const metrics = (await registry.getMetricsAsJSON()) as unknown as readonly MetricJson[];
    const message: ToParent = { kind: 'lastMetrics', metrics };
    if (process.connected)
      await new Promise<void>((resolve) => process.send!(message, undefined, undefined, () => resolve()));
    process.off('disconnect', orphaned);
    if (process.connected) process.disconnect();
  }

  #onMessage(message: ToProcess, socket: Socket | undefined): void {
    switch (message.kind) {
      case 'begin':
        return this.#begin(message);
      case 'connection':
        return this.#take(message.port, socket);
      case 'ask':
        return void this.#answer(message.id, message.what);
      case 'elsewhere':
        return this.#onElsewhere(message.connections);
      case 'reloaded':
        return this.#reloads.get(message.id)?.(message.error);
      case 'gone':
        return this.#onGone(message.worker);
      case 'stop':
        return this.stopping.abort('the parent');
    }
  }

  #take(port: string, socket: Socket | undefined): void {
    const server = this.#servers.get(port);
    if (this.#leaving || server === undefined) {
      // The parent still holds the connection.
      socket?.destroy();
      return this.#tell({ kind: 'refused' });
    }
    this.#tell({ kind: 'taken' });
    const closed = (): void => this.#tell({ kind: 'closed', port });
    // If the client has disconnected in transit, there is no socket.
    if (socket === undefined) return closed();
    socket.on('error', () => undefined);
    socket.once('close', closed);
    socket.allowHalfOpen = true;
    server.emit('connection', socket);
  }

  async #answer(id: number, what: Question): Promise<void> {
    try {
      if (this.#answering === undefined) throw new RoostError('Unavailable', 'this process is not ready');
      this.#tell({ kind: 'answer', id, value: await this.#answering[what]() });
    } catch (error) {
      this.#tell({ kind: 'answer', id, error: RoostError.from(error).message });
    }
  }

  #tell(message: ToParent): void {
    // If the parent has ended, so will this process.
    if (process.connected) process.send!(message, undefined, undefined, () => undefined);
  }
}
