import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RoostError } from '../core/index.js';

/** Identifies a process beyond its pid, as the system reuses pids. */
export interface ProcessIdentity {
  readonly pid: number;
  /** A digest of the process's start time. Opaque; only compared. */
  readonly startMark: string;
}

/** The identity of a running process; undefined if there is no such process, or only a zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  const started = startOf(pid);
  if (started === undefined) return undefined;
  return { pid, startMark: createHash('sha256').update(started).digest('hex').slice(0, 16) };
}

export const isAlive = (process: ProcessIdentity): boolean => identify(process.pid)?.startMark === process.startMark;

/** Sends a signal; false if the process is gone. A pid that now belongs to another process gets no signal. */
export function sendSignal(target: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(target)) return false;
  try {
    return process.kill(target.pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH') return false;
    throw new RoostError(
      'FailedPrecondition',
      `process ${target.pid} of the playground belongs to another user: stop it as that user`,
      {
        fields: { pid: target.pid },
        cause: error,
      },
    );
  }
}

/** True once the process is gone, false if it outlives `timeoutMs`. */
export async function waitForExit(target: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const endMs = performance.now() + timeoutMs;
  while (isAlive(target)) {
    if (performance.now() >= endMs) return false;
    await sleep(10);
  }
  return true;
}

/** Halts a process, and returns once all its threads stand still. */
export async function pauseProcess(target: ProcessIdentity): Promise<void> {
  sendSignal(target, 'SIGSTOP');
  for (let attempt = 0; attempt < 1000 && !isHalted(target.pid); attempt++) await sleep(2);
}

/** Asks the process to exit, and kills it if it is still running after `graceMs`. */
export async function endProcess(target: ProcessIdentity, graceMs: number): Promise<void> {
  if (graceMs > 0) {
    sendSignal(target, 'SIGTERM');
    // A paused process acts on no other signal until it is continued.
    sendSignal(target, 'SIGCONT');
    if (await waitForExit(target, graceMs)) return;
  }
  sendSignal(target, 'SIGKILL');
  if (!(await waitForExit(target, 10_000))) {
    throw new RoostError('Internal', `process ${target.pid} did not end although it was killed`, {
      fields: { pid: target.pid },
    });
  }
}

/**
 * The processes that run one of `programs` (real paths; executables or scripts) from a folder inside `dir`. These are
 * the servers of a starter that was killed between starting a server and recording its pid. Needs /proc; empty if
 * there is none.
 */
export function findProcessesIn(dir: string, programs: readonly string[]): ProcessIdentity[] {
  const found: ProcessIdentity[] = [];
  for (const name of entriesOf('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const cwd = linkTarget(join('/proc', name, 'cwd'));
    if (cwd?.startsWith(`${dir}/`) !== true || !programsOf(name).some((program) => programs.includes(program)))
      continue;
    const identity = identify(Number(name));
    if (identity !== undefined) found.push(identity);
  }
  return found;
}

/** The executable and, in case it is an interpreter, its script. */
function programsOf(pid: string): string[] {
  const executable = linkTarget(join('/proc', pid, 'exe'));
  if (executable === undefined) return [];
  try {
    const [, script] = readFileSync(join('/proc', pid, 'cmdline'), 'utf8').split('\0');
    return script?.startsWith('/') === true && existsSync(script) ? [executable, realpathSync(script)] : [executable];
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/** True if there is no /proc. */
const isHalted = (pid: number): boolean =>
  entriesOf(`/proc/${pid}/task`).every((task) => 'TtZX'.includes(readStat(`/proc/${pid}/task/${task}`)?.state ?? 'X'));

function startOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return startFromPs(pid);
  const stat = readStat(`/proc/${pid}`);
  // An orphan that nobody reaps stays a zombie: it holds neither port nor file.
  return stat === undefined || 'ZX'.includes(stat.state) ? undefined : `${bootId()} ${stat.startTicks}`;
}

/** Undefined if the process or thread is gone. */
function readStat(folder: string): { readonly state: string; readonly startTicks: string } | undefined {
  try {
    const stat = readFileSync(join(folder, 'stat'), 'utf8');
    // The second field is the command in brackets, and may itself hold blanks and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', startTicks: fields[19] ?? '' };
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

let knownBootId: string | undefined;
/** Start times count from boot, so the same pid and time may occur again after a reboot. */
const bootId = (): string => (knownBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());

function startFromPs(pid: number): string | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return line === '' || line.startsWith('Z') ? undefined : line.replace(/^\S+\s+/, '');
  } catch (error) {
    // ps exits with 1 if there is no such process.
    if ((error as { status?: number }).status === 1) return undefined;
    throw error;
  }
}

function entriesOf(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Undefined for a process that is gone or belongs to another user. */
function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
