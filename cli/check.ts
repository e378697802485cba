import type { Command } from 'commander';
import { type CheckReport, openCluster } from '../cluster/index.js';
import { RoostError } from '../core/index.js';
import type { CliIo } from './console/cliIo.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  integerArgument,
  openConfig,
  outputFor,
} from './console/command.js';
import { formatCount } from './console/output.js';
import { Progress } from './console/progress.js';

export interface CheckCommandOptions extends ConfigOptions {
  readonly repair?: true;
  readonly settle?: number;
}

export function addCheckCommand(program: Command, io: CliIo): void {
  const names = io.stores.map(({ name }) => name);
  const check = defineCommand(
    program,
    'check',
    `prove that stores hold what they should, while writes go on\nEach store is checked as it checks itself; of one without a check of its own, the replicas are compared row by row. Stores: ${names.join(', ')}. With --repair, faults are put right, as far as the store can; servers have to run for that. It fails where faults are left.`,
    `roost check ${names[0] ?? ''} --repair`,
  )
    .argument('[stores...]', 'their names; absent: all')
    .action((given: readonly string[], options: CheckCommandOptions) =>
      checkStores(io, given.length === 0 ? names : given, options),
    );
  addCheckOptions(check);
}

/** The options of a command that calls `checkStores`. */
export const addCheckOptions = (command: Command): Command =>
  command
    .option('--repair', 'put right what is found')
    .option(
      '--settle <ms>',
      'how long a difference has to last, where a store waits for that',
      integerArgument(0, 600_000),
    )
    .addOption(configOption());

/** Checks stores, and prints the faults found. Throws `DataLoss` if faults are left. */
export async function checkStores(io: CliIo, names: readonly string[], options: CheckCommandOptions): Promise<void> {
  const output = outputFor(io, options);
  await using cluster = await openCluster(openConfig(io, options).config, io.stores);
  const reports: Record<string, CheckReport> = {};
  for (const name of names) {
    const progress = new Progress(io, `rows of ${name}`, undefined, output.quiet);
    let seen = 0;
    reports[name] = await cluster
      .check(name, {
        repair: options.repair === true,
        ...(options.settle !== undefined && { settleMs: options.settle }),
        signal: io.signal,
        onProgress(rows) {
          progress.advance(rows - seen);
          seen = rows;
        },
      })
      .finally(() => progress.stop());
  }
  const all = Object.entries(reports);
  const left = all.filter(([, { faults, repaired }]) => faults > repaired);
  const remedies = [
    ...left.flatMap(([, report]) => report.remedies),
    ...(left.length === 0 || options.repair === true
      ? []
      : [`roost check ${left.map(([name]) => name).join(' ')} --repair`]),
  ];
  output.result({ stores: reports }, () => all.flatMap(([name, report]) => linesOf(name, report)).join('\n'), remedies);
  if (left.length > 0)
    throw new RoostError(
      'DataLoss',
      `faults remain in ${left.map(([name]) => name).join(', ')}${remedies.length === 0 ? '' : `: "${remedies[0]}" comes next`}`,
    );
}

const linesOf = (name: string, { looked, faults, repaired, found }: CheckReport): readonly string[] => [
  `${name}: ${looked}: ${faults === 0 ? 'nothing is wrong' : `${formatCount(faults)} faults, ${formatCount(repaired)} repaired`}`,
  ...found.map((line) => `  ${line}`),
];
