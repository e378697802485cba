import { type Command, Argument } from 'commander';
import type { CliIo } from './console/cliIo.js';
import { type CommonOptions, defineCommand, outputFor } from './console/command.js';
import { shownCommands } from './cliReference.js';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

export function addCompletionCommand(program: Command, io: CliIo): void {
  defineCommand(
    program,
    'completion',
    "print a script that completes roost's commands and options in a shell",
    'roost completion bash > /etc/bash_completion.d/roost\nroost completion zsh > "${fpath[1]}/_roost"\nroost completion fish > ~/.config/fish/completions/roost.fish',
  )
    .addArgument(new Argument('<shell>', 'which').choices(shells))
    .action((shell: Shell, options: CommonOptions) => {
      const script = completionScript(shell, program);
      outputFor(io, options).result({ shell, script }, () => script);
    });
}

interface Words {
  /** The words that lead here: "roost", "roost shard", "roost shard list". */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly { readonly flag: string; readonly summary: string }[];
}

/** Written from the command tree itself, so that it knows what this version knows. */
export function completionScript(shell: Shell, program: Command): string {
  const words = withAliases(program).map(({ path, command }): Words => ({
    path,
    commands: shownCommands(command).map((child) => ({
      name: child.name(),
      summary: child.summary() || child.description(),
    })),
    options: command.options.flatMap(({ long, description }) =>
      long == null ? [] : [{ flag: long, summary: description }],
    ),
  }));
  return shell === 'fish' ? fish(words) : bash(words, shell === 'zsh');
}

/** Every command by each of the names that call it. */
function withAliases(command: Command, before = ''): { readonly path: string; readonly command: Command }[] {
  return [command.name(), ...command.aliases()].flatMap((name) => [
    { path: `${before}${name}`, command },
    ...shownCommands(command).flatMap((child) => withAliases(child, `${before}${name} `)),
  ]);
}

/** Zsh runs functions written for bash. */
function bash(words: readonly Words[], zsh: boolean): string {
  const cases = words.map(
    ({ path, commands, options }) =>
      `    ${quoted(path)}) words=${quoted([...commands.map(({ name }) => name), ...options.map(({ flag }) => flag)].join(' '))} ;;`,
  );
  const paths = words.map(({ path }) => quoted(path)).join('|');
  return [
    ...(zsh ? ['#compdef roost', 'autoload -U +X bashcompinit && bashcompinit'] : []),
    '_roost() {',
    '  local where=roost words= current="${COMP_WORDS[COMP_CWORD]}" i',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    `    case "$where \${COMP_WORDS[i]}" in ${paths}) where="$where \${COMP_WORDS[i]}" ;; esac`,
    '  done',
    '  case "$where" in',
    ...cases,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -o default -F _roost roost',
  ].join('\n');
}

function fish(words: readonly Words[]): string {
  const lines = words.flatMap(({ path, commands, options }) => {
    const here = `-n ${quoted(`__roost_at ${path}`)}`;
    return [
      ...commands.map(({ name, summary }) => `complete -c roost ${here} -f -a ${name} -d ${quoted(summary)}`),
      ...options.map(({ flag, summary }) => `complete -c roost ${here} -l ${flag.slice(2)} -d ${quoted(summary)}`),
    ];
  });
  return [
    `set -g __roost_paths ${words.map(({ path }) => quoted(path)).join(' ')}`,
    'function __roost_at',
    '  set -l path roost',
    '  for word in (commandline -opc)[2..]',
    '    contains -- "$path $word" $__roost_paths; and set path "$path $word"',
    '  end',
    '  test "$path" = "$argv"',
    'end',
    ...lines,
  ].join('\n');
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
