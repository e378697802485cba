import { type Command, Help, InvalidArgumentError, Option } from 'commander';
import { type IdInput, parseId, parseInt64, RoostError } from '../../core/index.js';
import { type ConfigOverride, loadConfig, type LoadedConfig } from '../../process/index.js';
import { configPartsOf } from '../../cluster/index.js';
import type { CliIo } from './cliIo.js';
import { Output } from './output.js';

export interface CommonOptions {
  readonly json?: true;
  readonly verbose?: true;
}

export interface ConfigOptions extends CommonOptions {
  readonly config?: string;
}

/**
 * A command that does something, with the options that all commands have, and an example below its help. The first
 * line of the description is the summary in its parent's help.
 */
export function defineCommand(parent: Command, name: string, description: string, example: string): Command {
  const lines = example.split('\n').map((line) => `  $ ${line}`);
  return parent
    .command(name)
    .summary(description.split('\n', 1)[0] ?? '')
    .description(description.replace('\n', '\n\n'))
    .option('--json', 'print one JSON object')
    .option('--verbose', 'print the stack and the causes of an error')
    .addHelpText('after', `\nExample:\n${lines.join('\n')}`);
}

const commonOptions = [
  '--server',
  '--tls-ca',
  '--tls-cert',
  '--tls-key',
  '--plain',
  '--config',
  '--json',
  '--verbose',
  '--help',
];

/** Lists a command's own options first in its help. */
export function ownOptionsFirst(this: Help, command: Command): Option[] {
  const options = Help.prototype.visibleOptions.call(this, command);
  const rank = ({ long }: Option): number =>
    long?.endsWith('-server') === true ? 0 : commonOptions.indexOf(long ?? '');
  return options.sort((a, b) => rank(a) - rank(b));
}

/** A command's former name: still works, prints the new name on stderr, and is left out of every help. */
export function formerName(command: Command, name: string, io: CliIo): void {
  const path: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) path.unshift(at.name());
  command
    .parent!.command(name, { hidden: true })
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async (_, former: Command) => {
      io.stderr.write(`warning: this command is called \`${path.join(' ')}\` now\n`);
      await command.parseAsync(former.args, { from: 'user' });
    });
}

/** A noun that holds commands. Without a command, prints its help. */
export const defineGroup = (parent: Command, name: string, description: string): Command =>
  parent.command(name).description(description).helpCommand(false);

export const configOption = (): Option =>
  new Option(
    '--config <file>',
    'the configuration (default: ROOST_CONFIG, ./roost.config.json, ./.roost/roost.config.json)',
  );

/** Also prints on stderr, once per command, the environment variables that it did not read. */
export function openConfig(io: CliIo, options: ConfigOptions, overrides: readonly ConfigOverride[] = []): LoadedConfig {
  const loaded = loadConfig({
    path: options.config,
    environment: io.environment,
    workingFolder: io.workingFolder,
    parts: configPartsOf(io.stores),
    overrides,
  });
  if (!warned.has(io)) for (const warning of loaded.warnings) io.stderr.write(`warning: ${warning}\n`);
  warned.add(io);
  return loaded;
}
const warned = new WeakSet<CliIo>();

export const outputFor = (io: CliIo, options: CommonOptions): Output => new Output(io, options.json === true);

/** Turns a check of the library into an argument parser, so that a bad value is a usage error. */
export const argument =
  <T>(parse: (text: string) => T) =>
  (text: string): T => {
    try {
      return parse(text);
    } catch (error) {
      throw error instanceof RoostError ? new InvalidArgumentError(error.message) : error;
    }
  };

export const idArgument = argument((text: IdInput) => parseId(text));
export const cursorArgument = argument((text: IdInput) => parseInt64(text, 'cursor'));
/** Appends in place: a list may have very many ids, and no caller keeps the list `before`. */
export function idListArgument(text: string, before: bigint[] = []): bigint[] {
  before.push(idArgument(text));
  return before;
}

/** An integer within bounds, for commander. */
export const integerArgument =
  (min: number, max: number) =>
  (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be an integer from ${min} to ${max}.`);
  };

export const nameListArgument = (text: string): readonly string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
