import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommanderError, type Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../cli/program.js';
import { recordedIo } from './callRoost.js';

/**
 * Returns every command line of `roost` in a document: those alone on an indented or fenced line, and those in
 * backticks.
 */
function quotedCommands(text: string): string[] {
  const lines = [...text.matchAll(/^(?: {4,}|\$ )(?:\$ )?(roost [a-z][^\n]+)$/gm)].map(([, line]) => line!);
  const fenced = [...text.matchAll(/```[a-z]*\n(.*?)```/gs)].flatMap(([, block]) =>
    [...block!.matchAll(/^\s*(?:\$ )?(roost [a-z][^\n]+)$/gm)].map(([, line]) => line!),
  );
  const inline = [...text.replace(/```.*?```/gs, '').matchAll(/`(roost [a-z][^`]+)`/g)].map(([, line]) =>
    line!.replaceAll(/\s+/g, ' '),
  );
  return [...new Set([...lines, ...fenced, ...inline])].map((line) => line.replace(/\s+(#.*|&)$/, '').trim());
}

const words = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, plain]) => single ?? double ?? plain!);

/** The errors for parts that a command or an option may lack if it is only named. */
const leftOut: ReadonlySet<string> = new Set([
  'commander.missingArgument',
  'commander.missingMandatoryOptionValue',
  'commander.optionMissingArgument',
]);

/**
 * Returns why the command line refuses a command; undefined if it does not. A command that is only named, such as
 * `roost shard undrop`, may leave its arguments out, and `…` stands for some.
 */
function parses(line: string): string | undefined {
  const program = buildProgram(recordedIo('.').io);
  quiet(program);
  const args = words(line)
    .slice(1)
    .filter((word) => word !== '…');
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && (leftOut.has(error.code) || error.exitCode === 0)) return undefined;
    return error instanceof Error ? error.message : String(error);
  }
  return undefined;
}

/** Makes a command parse as usual, and do nothing. */
function quiet(command: Command): void {
  command
    .exitOverride()
    .configureOutput({ writeOut: () => undefined, writeErr: () => undefined, outputError: () => undefined });
  if (command.parent !== null) command.action(() => undefined);
  command.commands.forEach(quiet);
}

const documents = [
  'README.md',
  'ARCHITECTURE.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md') && file !== 'cli.md' && !file.startsWith('cli/'))
    .map((file) => join('docs', file)),
];

describe('command lines in documents', () => {
  it('are found in indented lines, fences and backticks', () => {
    expect(
      quotedCommands('a\n\n    roost ping\n\nand `roost doctor --fix`\n\n```sh\n$ roost job list # all\n```\n'),
    ).toEqual(['roost ping', 'roost job list', 'roost doctor --fix']);
  });

  it('that the command line would refuse are noticed', () => {
    expect(parses('roost doctor --fixx')).toContain('--fixx');
    expect(parses('roost hosts list')).toContain('hosts');
  });

  it.each(documents)('of %s are accepted by the command line', (file) => {
    const wrong = quotedCommands(readFileSync(file, 'utf8')).flatMap((line) => {
      const why = parses(line);
      return why === undefined ? [] : [`${line}: ${why}`];
    });
    expect(wrong).toEqual([]);
  });
});
