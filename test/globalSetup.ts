import { readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPlayground, stopPlayground } from '../playground/index.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The path of the shared playground's `roost.config.json`. */
    playgroundConfigPath: string;
  }
}

const prefix = 'roost-test-';

/** Starts the one playground that all integration tests share, and returns a function that stops it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await stopOrphans();
  const dir = join(tmpdir(), `${prefix}${process.pid}`);
  // Chooses the database that the tests run on: if binaries of one family are installed, containers may bring the
  // other.
  const source = process.env['ROOST_TEST_SOURCE'] === 'containers' ? 'containers' : 'auto';
  const playground = await startPlayground({ dir, databaseHosts: 2, caches: 2, source });
  process.stdout.write(`tests run on ${playground.serverVersion}\n`);
  project.provide('playgroundConfigPath', playground.configPath);
  return async () => {
    await playground.stop();
    rmSync(dir, { recursive: true, force: true });
  };
}

/** Stops the servers of a killed test run; the run's folder is named after its process. */
async function stopOrphans(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : NaN;
    if (!Number.isInteger(pid) || isAlive(pid)) continue;
    const dir = join(tmpdir(), name);
    await stopPlayground(dir);
    rmSync(dir, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
