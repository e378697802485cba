import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';

const last = cpus().length - 1;

/** Whether processes can be pinned to cores: Linux with `taskset`, and at least two cores. */
const canPin = last > 0 && spawnSync('taskset', ['-V']).status === 0;

const pinTo = (cores: string): void => {
  spawnSync('taskset', ['-a', '-c', '-p', cores, String(process.pid)]);
};

/**
 * Pins this process, and every process that it starts, to all cores but the last. Returns a function that undoes
 * this.
 */
export function leaveLastCore(): () => void {
  if (!canPin) {
    process.stderr.write('the load and what it measures share their cores: there is one core, or no taskset\n');
    return () => undefined;
  }
  pinTo(`0-${last - 1}`);
  return () => pinTo(`0-${last}`);
}

/** Wraps a command so that it runs on the last core. */
export const onLastCore = (command: string, args: readonly string[]): [string, readonly string[]] =>
  canPin ? ['taskset', ['-c', String(last), command, ...args]] : [command, args];
