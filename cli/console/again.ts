import { setTimeout as sleep } from 'node:timers/promises';
import { Option } from 'commander';
import { RoostError } from '../../core/index.js';
import type { CliIo } from './cliIo.js';
import { integerArgument } from './command.js';
import type { Output } from './output.js';

export interface WatchOptions {
  /** Seconds between two looks. Absent: one look. */
  readonly watch?: number;
}

const clearScreen = '\u001b[H\u001b[2J';

export const watchOption = (): Option =>
  new Option('--watch [seconds]', 'show it again and again, each second or so many, until Ctrl-C')
    .preset('1')
    .argParser(integerArgument(1, 3_600));

/**
 * Runs `look` once or, with `--watch`, repeatedly. On a terminal each output replaces the last; with `--json` each is
 * a line. Retries while the cluster does not answer. Ctrl-C stops it.
 */
export async function again(
  io: CliIo,
  { watch }: WatchOptions,
  output: Output,
  look: () => Promise<void>,
): Promise<void> {
  if (watch === undefined) return look();
  for (;;) {
    if (io.stdout.isTTY === true && !output.quiet) io.stdout.write(clearScreen);
    try {
      await look();
    } catch (error) {
      if (!(error instanceof RoostError && error.retryable)) throw error;
      output.note(`cannot look now, looking again: ${error.message}`);
    }
    await sleep(watch * 1_000, undefined, { signal: io.signal });
  }
}
