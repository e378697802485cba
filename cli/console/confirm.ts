import { createInterface } from 'node:readline/promises';
import { type Option as CommandOption, Option } from 'commander';
import { RoostError } from '../../core/index.js';
import type { CliIo } from './cliIo.js';
import type { CommonOptions } from './command.js';
import { forTerminal } from './visible.js';

export interface ConfirmOptions extends CommonOptions {
  readonly yes?: true;
}

export const yesOption = (): CommandOption => new Option('--yes', 'do it without asking');

/**
 * Asks for confirmation before something is lost, naming it. Returns if the user agrees. Throws `FailedPrecondition`
 * if the user refuses, or cannot be asked: without a terminal, and with `--json`, only `--yes` agrees.
 *
 * @param what the deed, as the beginning of a question: "delete shard a/x"
 * @param lost what will be gone, a sentence each
 */
export async function confirm(
  io: CliIo,
  options: ConfirmOptions,
  what: string,
  lost: readonly string[],
): Promise<void> {
  if (options.yes === true) return;
  const { stdin } = io;
  if (options.json === true || stdin?.isTTY !== true || io.stderr.isTTY !== true) {
    throw new RoostError('FailedPrecondition', `to ${what} needs --yes: ${lost.join('; ')}`);
  }
  const lines = lost.map((line) => `  ${line}\n`).join('');
  const terminal = createInterface({ input: stdin, output: io.stderr });
  try {
    const answer = await terminal.question(forTerminal(`${lines}${what}? Type yes: `), { signal: io.signal });
    if (answer.trim().toLowerCase() !== 'yes')
      throw new RoostError('FailedPrecondition', 'not confirmed; nothing was changed');
  } finally {
    terminal.close();
  }
}
