import { findBinaries, missingBinaries } from './binaries.js';
import { ContainerEngine } from './containerEngine.js';
import { canInstall, installServers } from './install.js';
import type { PlaygroundSource } from './state.js';

/**
 * Where the servers come from. `auto` takes binaries if all are present, else containers if an engine answers, else
 * installs the missing packages. Throws `FailedPrecondition`, which says what to install.
 */
export async function chooseSource(
  wanted: PlaygroundSource | 'auto',
  onStep: (step: string) => void,
): Promise<PlaygroundSource> {
  if (wanted === 'containers') return (await ContainerEngine.require()) && 'containers';
  const found = findBinaries();
  if (!('missing' in found)) return 'binaries';
  if (wanted === 'auto') {
    if ((await ContainerEngine.connect()) !== undefined) return 'containers';
    if (canInstall()) {
      await installServers(found.missing, onStep);
      const installed = findBinaries();
      if (!('missing' in installed)) return 'binaries';
    }
  }
  throw missingBinaries(found.missing);
}
