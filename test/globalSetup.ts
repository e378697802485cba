import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPlayground } from '../playground/index.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The path of the shared playground's `roost.config.json`. */
    playgroundConfigPath: string;
  }
}

/** Starts the one playground that all integration tests share; returns what stops it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = mkdtempSync(join(tmpdir(), 'roost-test-'));
  const playground = await startPlayground({ dir, databaseHosts: 2, caches: 2 });
  process.stdout.write(`tests run on ${playground.serverVersion}\n`);
  project.provide('playgroundConfigPath', playground.configPath);
  return async () => {
    await playground.stop();
    rmSync(dir, { recursive: true, force: true });
  };
}
