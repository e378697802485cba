import { closeSync, mkdirSync, openSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RoostError } from '../core/index.js';
import { identify, isAlive } from './processes.js';

const claimPattern = /^lock-(\d+)-([0-9a-f]{16})-\d+$/;
let claimCount = 0;

export const isLockFile = (name: string): boolean => claimPattern.test(name);

/**
 * Runs `work` while no other process does so for the same folder. The folder is created if absent, and removed
 * afterwards if empty.
 *
 * Each contender writes a claim, a file that names its process, and then reads the folder: if another living claim is
 * there, it withdraws its own and tries again. Of two contenders, the later always sees the earlier, and the claim of
 * a dead process is ignored, so that a lock never has to be stolen. Throws `FailedPrecondition` if the folder is
 * still in use after `waitMs`.
 */
export async function withLock<T>(dir: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  const claim = await takeLock(dir, waitMs);
  try {
    return await work();
  } finally {
    rmSync(claim, { force: true });
    removeIfEmpty(dir);
  }
}

async function takeLock(dir: string, waitMs: number): Promise<string> {
  const endMs = performance.now() + waitMs;
  const self = identify(process.pid);
  if (self === undefined) throw new RoostError('Internal', 'this process cannot read its own start time');
  const name = `lock-${self.pid}-${self.startMark}-${++claimCount}`;
  for (;;) {
    const claim = putClaim(dir, name);
    const holder = claim === undefined ? undefined : otherHolder(dir, name);
    if (claim !== undefined && holder === undefined) return claim;
    if (claim !== undefined) rmSync(claim, { force: true });
    if (performance.now() >= endMs) {
      throw new RoostError(
        'FailedPrecondition',
        `another process (pid ${holder ?? 'unknown'}) is starting or stopping the playground in ${dir}`,
        {
          fields: { dir, pid: holder },
        },
      );
    }
    // Random, so that two contenders that saw each other do not collide again and again.
    await sleep(5 + Math.random() * 45);
  }
}

/** Undefined if the folder was removed after its creation and before the claim's. */
function putClaim(dir: string, name: string): string | undefined {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const path = join(dir, name);
    closeSync(openSync(path, 'wx', 0o600));
    return path;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new RoostError('FailedPrecondition', `cannot use the folder ${dir}: ${(error as Error).message}`, {
      fields: { dir },
      cause: error,
    });
  }
}

function otherHolder(dir: string, ownName: string): number | undefined {
  for (const name of readdirSync(dir)) {
    const match = claimPattern.exec(name);
    if (match === null || name === ownName) continue;
    const holder = { pid: Number(match[1]), startMark: match[2] ?? '' };
    if (isAlive(holder)) return holder.pid;
    rmSync(join(dir, name), { force: true });
  }
  return undefined;
}

function removeIfEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch (error) {
    // The folder is not empty, gone already, a mount point, or in a folder that we may not change: leaves it.
    if (
      !['ENOTEMPTY', 'EEXIST', 'ENOENT', 'EBUSY', 'EACCES', 'EPERM'].includes(
        (error as NodeJS.ErrnoException).code ?? '',
      )
    )
      throw error;
  }
}
