import { createDriver } from './createDriver.js';
import type { ServerDriver } from './driver.js';
import { PlaygroundFolder } from './folder.js';
import { withLock } from './lock.js';
import { lockWaitMs } from './limits.js';
import { noPlayground } from './readPlayground.js';
import type { PlaygroundState } from './state.js';

export interface StopOptions {
  /** Keeps the data, so that a later start in the same folder goes on with it. By default everything is removed. */
  readonly keepData?: boolean;
}

/** Data that is kept must be written out first; data that is removed is not worth a long wait. */
const graceMs = { keepData: 60_000, removeData: 5_000 } as const;

/**
 * Stops every server of the playground in `dir`, whichever process started it and however far the start got, and
 * removes its data and, if then empty, the folder. Throws `NotFound` if there is no playground.
 */
export async function stopPlayground(dir: string, options: StopOptions = {}): Promise<void> {
  const folder = new PlaygroundFolder(dir);
  if (!folder.isTouched()) throw noPlayground(folder.dir);
  await withLock(folder.dir, lockWaitMs, async () => {
    const state = folder.readState();
    // Its starter was killed before it wrote anything but its lock, or another stop came first.
    if (state === undefined) return;
    const driver = createDriver(state.source, folder);
    await stopServers(driver, state, options.keepData === true ? graceMs.keepData : graceMs.removeData);
    if (options.keepData === true) {
      folder.removeShortFolder();
      folder.writeState({ ...state, phase: 'stopped' });
      return;
    }
    await driver.removeData();
    folder.removeEverything();
  });
}

/** Stops the servers that the state names, and those that a killed starter had not yet recorded. */
export async function stopServers(driver: ServerDriver, state: PlaygroundState, withinMs: number): Promise<void> {
  await Promise.all(state.servers.map((server) => driver.stop(server, withinMs)));
  await driver.sweep(state);
}
