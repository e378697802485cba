import type { ChildProcess } from 'node:child_process';
import { Deadline, RoostError } from '../../core/index.js';
import type { ProcessAnswers, ConnectionCounts, Ports, Question, ToParent, ToProcess } from './messages.js';

const askDeadlineMs = 5_000;

type Told = Exclude<ToParent, { readonly kind: 'hello' | 'answer' }>;

/** One process of a server, seen from its parent. */
export class Member {
  state: 'starting' | 'ready' | 'leaving' | 'ended' = 'starting';
  /** True once the parent has asked it to end. */
  asked = false;
  /** Its consumer name in the job queues; undefined before it is ready. */
  worker: string | undefined;
  /** Its open connections by identity. */
  connections: ConnectionCounts = {};
  /** Resolves when it has ended, with a sentence that says how. */
  readonly ended: Promise<string>;
  readonly #asks = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  readonly #startedAtMs = performance.now();
  #ids = 0;
  #exitCode: number | null = null;
  readonly #ready: Promise<void>;

  constructor(
    readonly child: ChildProcess,
    begin: { readonly processes: number; readonly ports: Ports },
    private readonly onTold: (told: Told) => void,
  ) {
    let ready!: () => void;
    this.#ready = new Promise((resolve) => (ready = resolve));
    child.on('message', (message: ToParent) => {
      if (message.kind === 'hello') return this.tell({ kind: 'begin', ...begin });
      if (message.kind === 'answer') return this.#answered(message);
      if (message.kind === 'connections') this.connections = message.connections;
      if (message.kind === 'leaving') this.state = 'leaving';
      if (message.kind === 'ready') {
        this.state = 'ready';
        this.worker = message.worker;
        ready();
      }
      onTold(message);
    });
    // Sending a message failed: the process has ended, which `exit` reports.
    child.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.state = 'ended';
        this.#exitCode = code;
        this.connections = {};
        const how = `process ${child.pid} ended with ${signal ?? `code ${code}`}`;
        for (const { reject } of this.#asks.values()) reject(new RoostError('Unavailable', how));
        this.#asks.clear();
        resolve(how);
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get livedMs(): number {
    return performance.now() - this.#startedAtMs;
  }

  /**
   * Returns once it takes requests. Throws `Unavailable` with the field `exitCode` if it ends first, and
   * `DeadlineExceeded`.
   */
  async started(deadlineMs: number): Promise<void> {
    const early = this.ended.then((how) => {
      throw new RoostError('Unavailable', how, { fields: { exitCode: this.#exitCode ?? 1 } });
    });
    early.catch(() => undefined);
    await Deadline.after(deadlineMs).race(Promise.race([this.#ready, early]), `the start of process ${this.pid}`);
  }

  /** Asks the process a question. Throws `Unavailable` and `DeadlineExceeded`. */
  async ask<What extends Question>(what: What): Promise<ProcessAnswers[What]> {
    if (this.state === 'ended') throw new RoostError('Unavailable', `process ${this.pid} has ended`);
    const id = ++this.#ids;
    const answer = new Promise<unknown>((resolve, reject) => this.#asks.set(id, { resolve, reject }));
    this.tell({ kind: 'ask', id, what });
    try {
      return (await Deadline.after(askDeadlineMs).race(answer, `asking process ${this.pid}`)) as ProcessAnswers[What];
    } finally {
      this.#asks.delete(id);
    }
  }

  tell(message: ToProcess): void {
    if (this.child.connected) this.child.send(message, () => undefined);
  }

  /** Asks it to end, and waits for its end. Kills it after `graceMs`. */
  async end(graceMs: number): Promise<void> {
    this.asked = true;
    if (this.state !== 'ended') this.state = 'leaving';
    this.tell({ kind: 'stop' });
    const timer = setTimeout(() => this.kill(), graceMs);
    await this.ended;
    clearTimeout(timer);
  }

  kill(): void {
    this.asked = true;
    this.child.kill('SIGKILL');
  }

  #answered(answer: Extract<ToParent, { kind: 'answer' }>): void {
    const ask = this.#asks.get(answer.id);
    if ('error' in answer) ask?.reject(new RoostError('Unavailable', answer.error));
    else ask?.resolve(answer.value);
  }
}
