import { execFile } from 'node:child_process';
import { join } from 'node:path';

/** The compiled command line, as a user runs it. */
export const roostMain = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js');

export interface Finished {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command to its end, whatever its exit code. */
export const runRoost = (
  args: readonly string[],
  cwd: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<Finished> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      [roostMain, ...args],
      { cwd, env: { ...process.env, ...environment } },
      (error, stdout, stderr) => {
        resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr });
      },
    );
  });
