import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { serverReadySchema, type ServerReady } from '../../cli/serverReady.js';
import { roostMain } from '../runRoost.js';

/** Each listener takes one of a server's ports. */
export const listeners = ['flock', 'manager', 'injector', 'tbird', 'users', 'admin'] as const;

/** No test asks for this port. Servers of the previous release do not know the port, and ignore the variable. */
const freePortOfTimelines = { ROOST__SERVER__TIMELINE_PORT: '0' };

/** `roost serve` as a process, which may be killed and started again on the same ports. */
export class KillableServer {
  #child: ChildProcess | undefined;
  #ready: ServerReady | undefined;

  constructor(
    private readonly configPath: string,
    private readonly ports: readonly number[],
    /** The command line that serves, of this release or another. */
    public main = roostMain,
  ) {}

  get ready(): ServerReady {
    if (this.#ready === undefined) throw new Error('the server has not been started');
    return this.#ready;
  }

  /** @param environment what this start has besides the variables of this process */
  async start(environment: NodeJS.ProcessEnv = {}): Promise<void> {
    const ports = listeners.flatMap((name, i) => [`--${name}-port`, String(this.ports[i])]);
    const child = (this.#child = spawn(
      process.execPath,
      [this.main, 'serve', '--config', this.configPath, '--json', ...ports],
      { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...freePortOfTimelines, ...environment } },
    ));
    for await (const line of createInterface({ input: child.stdout })) {
      // A release of before may serve fewer stores.
      this.#ready = serverReadySchema.partial().parse(JSON.parse(line)) as ServerReady;
      return;
    }
    throw new Error('the server ended before it was ready');
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Does nothing if the server does not run. With SIGTERM, the server finishes what it has started. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }
}
