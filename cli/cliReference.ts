import type { Command } from 'commander';

/** The command reference, docs/cli.md: the help of every command, as it prints itself on 100 columns. */
export function cliReference(program: Command): string {
  const sections = allCommands(program).map(
    ({ path, command }) => `## ${path}\n\n\`\`\`text\n${helpText(command)}\n\`\`\`\n`,
  );
  return `# The command line\n\n<!-- Written by scripts/cli-docs.mjs from the commands themselves. -->\n\n${sections.join('\n')}`;
}

/** The commands of a group that stand in its help. */
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

/** The whole help of a command, with its examples. The command prints into this from then on. */
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
