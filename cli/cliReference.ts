import type { Command } from 'commander';

/** A page of the command reference: a file below docs/. */
export interface ReferencePage {
  readonly file: string;
  readonly text: string;
}

/**
 * The command reference: docs/cli.md with the contents, and docs/cli/NOUN.md with the help of every command of a
 * noun, as printed at 100 columns.
 */
export function cliReference(program: Command): readonly ReferencePage[] {
  const nouns = shownCommands(program);
  const contents = nouns.map(
    (noun) =>
      `- [roost ${noun.name()}](cli/${noun.name()}.md): ${noun.summary() || noun.description()}${shownCommands(noun)
        .map((child) => `\n  - [${child.name()}](cli/${noun.name()}.md#roost-${noun.name()}-${child.name()})`)
        .join('')}`,
  );
  return [
    {
      file: 'cli.md',
      text: `# The command line\n\n${madeBy}\n\n${contents.join('\n')}\n\n${section('roost', program)}`,
    },
    ...nouns.map((noun) => ({
      file: `cli/${noun.name()}.md`,
      text: `# roost ${noun.name()}\n\n${madeBy}\n\n[All commands](../cli.md)\n\n${allCommands(noun, 'roost ')
        .map(({ path, command }) => section(path, command))
        .join('\n')}`,
    })),
  ];
}

const madeBy = '<!-- Written by scripts/cli-docs.mjs from the commands themselves. -->';
const section = (path: string, command: Command): string => `## ${path}\n\n\`\`\`text\n${helpText(command)}\n\`\`\`\n`;

/** The commands of a group that its help lists. */
export const shownCommands = (command: Command): Command[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => command.commands.includes(child));

/** Every command with the words that call it, parents first. */
export function allCommands(command: Command, before = ''): { readonly path: string; readonly command: Command }[] {
  const path = `${before}${command.name()}`;
  return [{ path, command }, ...shownCommands(command).flatMap((child) => allCommands(child, `${path} `))];
}

/** The whole help of a command, with its examples. Afterwards the command's output goes to this text. */
export function helpText(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => void (text += part),
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text.trimEnd();
}
