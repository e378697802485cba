import { setTimeout as sleep } from 'node:timers/promises';
import { RoostError } from '../../core/index.js';
import type { CliIo } from './cliIo.js';
import type { Output } from './output.js';

const lookEveryMs = 200;

/**
 * Polls work that servers do, until `look` returns a value. Waits through an outage of the name server: the work
 * continues without the watcher.
 */
export async function watch<T>(io: CliIo, output: Output, look: () => Promise<T | undefined>): Promise<T> {
  let trouble = '';
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined) return found;
      trouble = '';
    } catch (error) {
      if (!(error instanceof RoostError && error.retryable)) throw error;
      if (trouble === '') output.note(`cannot look now, looking again: ${error.message}`);
      trouble = error.message;
    }
    await sleep(lookEveryMs, undefined, { signal: io.signal });
  }
}
