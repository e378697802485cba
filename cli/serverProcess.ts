import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { Deadline, RoostError } from '../core/index.js';
import { endProcess, identify } from '../playground/index.js';
import { serverReadySchema, type ServerReady } from './serverReady.js';

/** The record that a later process needs to stop the server. */
const recordSchema = z.object({ pid: z.int().positive(), startMark: z.string() });
const recordName = 'server.json';
const logName = 'server.log';

const startTimeoutMs = 30_000;
/** How long a stopping server may take to hand back its jobs. */
const stopGraceMs = 20_000;

/**
 * Starts `roost serve` as a separate process, whose log goes to a file in `dir`, and returns once the server takes
 * requests. The server outlives this process; `stopServerProcess(dir)` stops it. Throws `Unavailable`, with the end
 * of its log, if the server does not start.
 */
export async function startServerProcess(
  dir: string,
  configPath: string,
  environment: NodeJS.ProcessEnv,
): Promise<ServerReady> {
  const logPath = join(dir, logName);
  const log = openSync(logPath, 'a', 0o600);
  const main = fileURLToPath(new URL('main.js', import.meta.url));
  // A process group of its own: Ctrl-C reaches only the command, which then stops the server in its turn.
  const child = spawn(process.execPath, [main, 'serve', '--config', configPath, '--json'], {
    detached: true,
    stdio: ['ignore', 'pipe', log],
    env: environment,
  });
  closeSync(log);
  try {
    const ready = await Deadline.after(startTimeoutMs).race(readyLine(child), 'the start of the server');
    const identity = identify(ready.pid);
    if (identity === undefined) throw new RoostError('Unavailable', 'the server ended right after its start');
    writeFileSync(join(dir, recordName), JSON.stringify(identity), { mode: 0o600 });
    child.stdout?.destroy();
    child.unref();
    return ready;
  } catch (cause) {
    child.kill('SIGKILL');
    throw new RoostError(
      'Unavailable',
      `the server did not start; the end of its log, ${logPath}:\n${lastLines(logPath)}`,
      { cause },
    );
  }
}

/** Stops the server that was started in `dir`, and removes its log. Does nothing if there is none. */
export async function stopServerProcess(dir: string): Promise<void> {
  const recordPath = join(dir, recordName);
  if (existsSync(recordPath))
    await endProcess(recordSchema.parse(JSON.parse(readFileSync(recordPath, 'utf8'))), stopGraceMs);
  rmSync(recordPath, { force: true });
  rmSync(join(dir, logName), { force: true });
}

async function readyLine(child: ChildProcess): Promise<ServerReady> {
  const exited = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      reject(new RoostError('Unavailable', `the server ended with ${signal ?? `code ${code}`}`)),
    );
  });
  const first = (async () => {
    for await (const line of createInterface({ input: child.stdout! }))
      return serverReadySchema.parse(JSON.parse(line));
    return exited;
  })();
  return Promise.race([first, exited]);
}

const lastLines = (path: string): string => readFileSync(path, 'utf8').trimEnd().split('\n').slice(-5).join('\n');
