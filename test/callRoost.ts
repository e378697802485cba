import { Writable } from 'node:stream';
import type { CliIo } from '../cli/console/cliIo.js';
import { runCli } from '../cli/program.js';
import { stores } from '../cli/stores.js';
import type { Finished } from './runRoost.js';

/** Returns an output for a command, and the record of what it wrote. */
export function recordedIo(
  workingFolder: string,
  environment: NodeJS.ProcessEnv = {},
): { readonly io: CliIo; readonly written: { stdout: string; stderr: string } } {
  const written = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof written): Writable =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        written[name] += chunk.toString();
        done();
      },
    });
  return {
    io: {
      stdout: stream('stdout'),
      stderr: stream('stderr'),
      environment,
      stores,
      workingFolder,
      signal: new AbortController().signal,
    },
    written,
  };
}

/** Runs one command inside the test's process, which costs less than a process of its own. */
export async function callRoost(
  args: readonly string[],
  workingFolder: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<Finished> {
  const { io, written } = recordedIo(workingFolder, environment);
  const exitCode = await runCli(args, io);
  return { exitCode, ...written };
}
