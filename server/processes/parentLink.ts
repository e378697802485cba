import type { Server, Socket } from 'node:net';
import { Deadline, RoostError } from '../../core/index.js';
import type { Metrics } from '../../process/index.js';
import type { ProcessAnswers, ConnectionCounts, MetricJson, Ports, Question, ToParent, ToProcess } from './messages.js';

/** Set in the processes that a server starts, and in no other. */
const marker = 'ROOST_SERVE_PROCESS';
export const processEnvironment = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...environment,
  [marker]: '1',
});

const reloadDeadlineMs = 10_000;
const countEveryMs = 100;

/** Nothing reaches a process whose parent is gone. What it had in work is done again by others. */
const orphaned = (): never => process.exit(1);

/** How a process answers its parent. */
export type Answering = { readonly [What in Question]: () => Promise<ProcessAnswers[What]> };

export interface ReadyProcess {
  /** The name by which this process takes jobs. */
  readonly worker: string;
  /** Another process has ended, and its jobs are nobody's. */
  readonly onGone: (worker: string) => void;
}

/** A port whose connections come from the parent. */
export interface HandedPort {
  readonly port: number;
  /** Has each connection taken by a server that does not listen. */
  handTo(server: Server): void;
}

/** One process of a server, and the parent that listens for it. It ends when the parent is gone. */
export class ParentLink {
  /** Aborted when the parent wants this process to end. */
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

  /** Has the parent say which ports there are, and how many processes share the server's limits. */
  async begin(): Promise<void> {
    this.#tell({ kind: 'hello' });
    const { processes, ports } = await this.#begun;
    this.#ports = ports;
    this.processes = processes;
  }

  /** A port of the server, by the name of its service. */
  port(name: string): HandedPort {
    return { port: this.portNumber(name), handTo: (server) => void this.#servers.set(name, server) };
  }

  portNumber(name: string): number {
    const port = this.#ports[name];
    if (port === undefined) throw new RoostError('Internal', `the parent listens on no port for ${name}`);
    return port;
  }

  /** Takes connections from now on, and answers the parent. */
  ready({ worker, onGone, ...answering }: Answering & ReadyProcess): void {
    this.#answering = answering;
    this.#onGone = onGone;
    this.#tell({ kind: 'ready', worker });
  }

  /** Takes no more connections: the others do. */
  leave(): void {
    this.#leaving = true;
    this.#tell({ kind: 'leaving' });
  }

  /** Has the other processes look for a newer topology. Throws `Unavailable` where one does not answer. */
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

  /** Keeps the parent told of the open connections of identities, and tells of those in the other processes. */
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

  /** Tells the last counts, and lets this process end. */
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
      // The parent has it still.
      socket?.destroy();
      return this.#tell({ kind: 'refused' });
    }
    this.#tell({ kind: 'taken' });
    const closed = (): void => this.#tell({ kind: 'closed', port });
    // A client that has gone meanwhile leaves no socket.
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
    // A parent that is gone ends this process.
    if (process.connected) process.send!(message, undefined, undefined, () => undefined);
  }
}
