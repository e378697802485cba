import type { Priority } from '../../core/index.js';
import type { Roost } from '../../sdk/index.js';
import type { CliIo } from '../console/cliIo.js';
import { Progress } from '../console/progress.js';
import { waitUntilMaterialized } from './waitUntilMaterialized.js';

/**
 * As `waitUntilMaterialized` for the jobs of one queue; also shows how many jobs are applied, the rate, and the time
 * left.
 */
export async function waitWithProgress(
  io: CliIo,
  roost: Roost,
  quiet: boolean,
  wait: { readonly priority: Priority; readonly badBefore: number },
): Promise<number> {
  let progress: Progress | undefined;
  try {
    return await waitUntilMaterialized(() => roost.journal(), io.signal, {
      ...wait,
      onWaiting: (jobs) => {
        if (jobs > 0) progress ??= new Progress(io, 'applying jobs', jobs, quiet);
        progress?.left(jobs);
      },
    });
  } finally {
    progress?.stop();
  }
}
