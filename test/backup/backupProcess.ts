import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'vitest';
import { roostMain, type Finished } from '../runRoost.js';

/** A command in a process of its own, which a test may kill. */
export class BackupProcess {
  stdout = '';
  stderr = '';
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(args: readonly string[], cwd: string, environment: NodeJS.ProcessEnv) {
    this.#child = spawn(process.execPath, [roostMain, ...args], { cwd, env: { ...process.env, ...environment } });
    this.#child.stdout!.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.#child.stderr!.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.#exited = once(this.#child, 'close');
  }

  get runs(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Waits until a condition holds while the process runs. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    await expect
      .poll(async () => (await holds()) || (this.runs ? undefined : `has ended: ${this.stderr}`), {
        timeout: 60_000,
        message: what,
      })
      .toBe(true);
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    // Does nothing if the process has ended.
    this.#child.kill(signal);
    await this.#exited;
  }

  async end(): Promise<Finished> {
    await this.#exited;
    return { exitCode: this.#child.exitCode ?? -1, stdout: this.stdout, stderr: this.stderr };
  }
}
