import type { Store } from '../cluster/index.js';
import { signalExitCodes, type StopSignal } from './console/exitCodes.js';
import { runCli } from './program.js';

/** The command `roost`, with some stores: runs this process's command line, and sets its exit code. */
export async function roost(stores: readonly Store[]): Promise<void> {
  const stop = new AbortController();
  let hungUp: (() => void) | undefined;
  for (const signal of Object.keys(signalExitCodes) as StopSignal[]) {
    process.on(signal, () => {
      if (signal === 'SIGHUP' && hungUp !== undefined) return hungUp();
      // The first signal lets the command clean up; a second signal exits at once.
      if (stop.signal.aborted) process.exit(signalExitCodes[signal]);
      stop.abort(signal);
    });
  }
  // `roost … | head` closes the pipe early, which is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });

  process.exitCode = await runCli(process.argv.slice(2), {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    environment: process.env,
    stores,
    workingFolder: process.cwd(),
    signal: stop.signal,
    onHangup: (listener) => void (hungUp = listener),
  });
}
