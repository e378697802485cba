import { type Command, Argument, Option } from 'commander';
import { priorities } from '../core/index.js';
import type { CliIo } from './console/cliIo.js';
import { type ConfigOptions, configOption, defineCommand, openConfig, outputFor } from './console/command.js';
import { completionValues, valueKinds } from './completionValues.js';
import { shownCommands } from './cliReference.js';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

interface CompletionOptions extends ConfigOptions {
  readonly values?: string;
  readonly prefix?: string;
}

export function addCompletionCommand(program: Command, io: CliIo): void {
  defineCommand(
    program,
    'completion',
    "print a script that completes roost's commands, options, queues, hosts, graphs and shards in a shell\nGraphs and shards are asked of the cluster that the configuration names; where it does not answer within 2 s there are none.",
    'roost completion bash > /etc/bash_completion.d/roost\nroost completion zsh > "${fpath[1]}/_roost"\nroost completion fish > ~/.config/fish/completions/roost.fish',
  )
    .addArgument(new Argument('<shell>', 'which').choices(shells))
    // What the scripts call.
    .addOption(new Option('--values <kind>').choices(valueKinds(io.stores)).hideHelp())
    .addOption(new Option('--prefix <text>').hideHelp())
    .addOption(configOption())
    .action(async (shell: Shell, options: CompletionOptions) => {
      const output = outputFor(io, options);
      if (options.values === undefined) {
        const script = completionScript(shell, program, valueKinds(io.stores));
        return output.result({ shell, script }, () => script);
      }
      const values = await completionValues(
        options.values,
        options.prefix ?? '',
        openConfig(io, options).config,
        io.stores,
      );
      output.result({ values }, () => values.join('\n'));
    });
}

/** The value that a place takes: one of some words, a kind that the cluster lists, or anything. */
type Place = { readonly words: readonly string[] } | { readonly kind: string } | undefined;

interface Words {
  /** The words that lead here: "roost", "roost shard", "roost shard list". */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly {
    readonly flag: string;
    readonly summary: string;
    /** False for an option without a value. */
    readonly takesValue: boolean;
    readonly value: Place;
  }[];
  readonly places: readonly Place[];
  /** The last place takes any number of words. */
  readonly variadic: boolean;
}

/** Arguments and options that hold a word of a kind without being named as it. */
const kindOfName: Readonly<Record<string, string>> = {
  '--hosts': 'host',
  '--open-hosts': 'host',
  '--closed-hosts': 'host',
  '--from': 'host',
  shards: 'shard',
  parent: 'shard',
  child: 'shard',
  old: 'shard',
  new: 'shard',
};

function placeOf(name: string, choices: readonly string[] | undefined, kinds: readonly string[]): Place {
  if (choices !== undefined) return { words: choices };
  if (name === 'priority') return { words: priorities };
  const kind = kindOfName[name] ?? kinds.find((each) => name === each || name === `--${each}`);
  return kind === undefined ? undefined : { kind };
}

/** The completion script of a shell. Built from the command tree, so that it matches this version. */
export function completionScript(shell: Shell, program: Command, kinds: readonly string[]): string {
  const words = withAliases(program).map(({ path, command }): Words => ({
    path,
    commands: shownCommands(command).map((child) => ({
      name: child.name(),
      summary: child.summary() || child.description(),
    })),
    options: command.options.flatMap(({ long, description, hidden, argChoices, required, optional }) =>
      long == null || hidden
        ? []
        : [
            {
              flag: long,
              summary: description,
              takesValue: required || optional,
              value: required || optional ? placeOf(long, argChoices, kinds) : undefined,
            },
          ],
    ),
    places: command.registeredArguments.map((argument) => placeOf(argument.name(), argument.argChoices, kinds)),
    variadic: command.registeredArguments.at(-1)?.variadic === true,
  }));
  return shell === 'fish' ? fish(words) : bash(words, shell === 'zsh');
}

/** Every command, under each of its names. */
function withAliases(command: Command, before = ''): { readonly path: string; readonly command: Command }[] {
  return [command.name(), ...command.aliases()].flatMap((name) => [
    { path: `${before}${name}`, command },
    ...shownCommands(command).flatMap((child) => withAliases(child, `${before}${name} `)),
  ]);
}

/** A place as one word of the script: `@graph`, `high,low`, or `-` for anything. */
const placeWord = (place: Place): string =>
  place === undefined ? '-' : 'kind' in place ? `@${place.kind}` : place.words.join(',');

/** Zsh runs functions written for bash. */
function bash(words: readonly Words[], zsh: boolean): string {
  const cases = words.map(({ path, commands, options, places, variadic }) => {
    const takes = options.flatMap(({ flag, takesValue, value }) => (takesValue ? [`${flag}=${placeWord(value)}`] : []));
    const all = [...places.map(placeWord), ...(variadic ? ['...'] : [])];
    return `    ${quoted(path)}) words=${quoted([...commands.map(({ name }) => name), ...options.map(({ flag }) => flag)].join(' '))} takes=${quoted(takes.join(' '))} places=${quoted(all.join(' '))} ;;`;
  });
  const paths = words.map(({ path }) => quoted(path)).join('|');
  return [
    ...(zsh ? ['#compdef roost', 'autoload -U +X bashcompinit && bashcompinit'] : []),
    '_roost() {',
    '  local where=roost words= takes= places= place= last= at=1 skip= config= current="${COMP_WORDS[COMP_CWORD]}" i word',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    `    case "$where \${COMP_WORDS[i]}" in ${paths}) where="$where \${COMP_WORDS[i]}"; at=$((i + 1)) ;; esac`,
    '    if [ "${COMP_WORDS[i]}" = --config ]; then config="${COMP_WORDS[i + 1]}"; fi',
    '  done',
    '  case "$where" in',
    ...cases,
    '  esac',
    // The words between the command and the cursor are options, their values, and arguments; each argument advances
    // to the next place.
    '  for ((i = at; i < COMP_CWORD; i++)); do',
    '    if [ -n "$skip" ]; then skip= last=; continue; fi',
    '    last=',
    '    case "${COMP_WORDS[i]}" in',
    '      -*) for word in $takes; do case "$word" in "${COMP_WORDS[i]}="*) skip=1 last="${word#*=}" ;; esac; done ;;',
    '      *) case "$places" in *" "*) word="${places#* }"; if [ "$word" != ... ]; then places="$word"; fi ;; *) places= ;; esac ;;',
    '    esac',
    '  done',
    '  if [ -n "$skip" ]; then place="$last" words=; else place="${places%% *}"; fi',
    '  case "$current" in -*) place= ;; esac',
    '  case "$place" in',
    '    @*) words="$words $(roost completion bash --values "${place#@}" --prefix "$current" ${config:+--config "$config"} 2>/dev/null)" ;;',
    '    -|"") ;;',
    '    *) words="$words ${place//,/ }" ;;',
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -o default -F _roost roost',
  ].join('\n');
}

function fish(words: readonly Words[]): string {
  const given = (place: Place): string =>
    place === undefined
      ? ''
      : ` -f -a ${'kind' in place ? quoted(`(roost completion fish --values ${place.kind} --prefix (commandline -ct) 2>/dev/null)`) : quoted(place.words.join(' '))}`;
  const lines = words.flatMap(({ path, commands, options, places }) => {
    const here = `-n ${quoted(`__roost_at ${path}`)}`;
    return [
      ...commands.map(({ name, summary }) => `complete -c roost ${here} -f -a ${name} -d ${quoted(summary)}`),
      ...options.map(
        ({ flag, summary, takesValue, value }) =>
          `complete -c roost ${here} -l ${flag.slice(2)}${takesValue ? ' -r' : ''}${given(value)} -d ${quoted(summary)}`,
      ),
      ...new Set(places.flatMap((place) => (place === undefined ? [] : [`complete -c roost ${here}${given(place)}`]))),
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
