import { RoostError } from '../core/index.js';
import { findBinaries, missingBinaries } from './binaries.js';
import { engineAnswers } from './containers.js';
import { canInstall, installServers } from './install.js';
import type { PlaygroundSource } from './state.js';

/**
 * Where the servers come from. `auto` takes binaries where all are there, else containers where an engine answers, else installs the
 * missing packages. Throws `FailedPrecondition` that says what to install.
 */
export async function chooseSource(wanted: PlaygroundSource | 'auto'): Promise<PlaygroundSource> {
  if (wanted === 'containers') {
    if (await engineAnswers()) return 'containers';
    throw new RoostError('FailedPrecondition', 'no container engine answers: start Docker (check with `docker info`), or use binaries');
  }
  const found = findBinaries();
  if (!('missing' in found)) return 'binaries';
  if (wanted === 'auto') {
    if (await engineAnswers()) return 'containers';
    if (canInstall()) {
      await installServers(found.missing);
      const installed = findBinaries();
      if (!('missing' in installed)) return 'binaries';
    }
  }
  throw missingBinaries(found.missing);
}
