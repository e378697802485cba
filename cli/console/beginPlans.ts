import { type Command, Option } from 'commander';
import { RoostError } from '../../core/index.js';
import type { Gizzard, MigrationPlan } from '../../gizzard/index.js';
import type { CliIo } from './cliIo.js';
import { type ConfigOptions, configOption, integerArgument } from './command.js';
import { confirm, type ConfirmOptions, yesOption } from './confirm.js';
import { moveFigures } from './moveFigures.js';
import type { Output } from './output.js';
import { keysOf } from './templates.js';
import { planText } from './planText.js';
import { watch } from './watch.js';

export interface PlanOptions extends ConfigOptions, ConfirmOptions {
  readonly dryRun?: true;
  readonly wait?: true;
  readonly cleanup?: true;
  readonly minRate?: number;
  readonly maxRate?: number;
}

/** How often a wait prints the progress of a copy. */
const figuresEveryMs = 5_000;

/** The options of every command that plans migrations. */
export const planOptions = (command: Command): Command =>
  command
    .option('--dry-run', 'only show what would be done; with --verbose, every step')
    .addOption(yesOption())
    .option('--wait', 'return when all of it rests: settled, failed or done')
    .option('--cleanup', 'take the old shards away without being told to; there is no rollback then')
    .addOption(minRateOption())
    .addOption(maxRateOption())
    .addOption(configOption());

const rate = integerArgument(1, 100_000_000);
export const minRateOption = (): Option =>
  new Option(
    '--min-rate <rows>',
    'rows a second below which a copy does not fall (overrides moves.minRowsPerSecond)',
  ).argParser(rate);
export const maxRateOption = (): Option =>
  new Option(
    '--max-rate <rows>',
    'rows a second that a copy does not exceed (overrides moves.maxRowsPerSecond)',
  ).argParser(rate);

export const ratesOf = ({
  minRate,
  maxRate,
}: {
  readonly minRate?: number;
  readonly maxRate?: number;
}): { minRowsPerSecond?: number; maxRowsPerSecond?: number } => ({
  ...(minRate === undefined ? {} : { minRowsPerSecond: minRate }),
  ...(maxRate === undefined ? {} : { maxRowsPerSecond: maxRate }),
});

/** What else a command does besides its plans. */
export interface Besides {
  /** A sentence each, for the question. */
  readonly effects: readonly string[];
  /** Called once the user has agreed, before the plans start. */
  readonly first: () => Promise<void>;
  readonly nextSteps: readonly string[];
}

const nothingBesides: Besides = { effects: [], first: () => Promise.resolve(), nextSteps: [] };

/** Shows plans, asks for confirmation, and has servers carry them out. */
export async function beginPlans(
  io: CliIo,
  options: PlanOptions,
  gizzard: Gizzard,
  output: Output,
  plans: readonly MigrationPlan[],
  { effects, first, nextSteps }: Besides = nothingBesides,
): Promise<void> {
  if (plans.length === 0 && effects.length > 0) {
    if (options.dryRun === true)
      return output.result({ plans: [], effects }, () => ['no data has to be copied', ...effects].join('\n'), [
        'the same without --dry-run',
      ]);
    await confirm(io, options, 'go on', effects);
    await first();
    return output.result({ migrations: [], effects }, () => effects.join('\n'), nextSteps);
  }
  if (plans.length === 0)
    return output.result({ migrations: [] }, () => 'nothing to do: everything is as it should be');
  const warnings = await gizzard.migrations.preflight(plans);
  for (const warning of warnings) output.note(`${output.red('warning:')} ${warning}`);
  const summary = await gizzard.migrations.summarize(plans, ratesOf(options));
  const { copies } = summary;
  const dropped = plans.flatMap((plan) => plan.dropped);
  const text = (): string => planText(output, plans, summary, options.verbose === true);
  if (options.dryRun === true) {
    const shown = plans.map(({ title, steps, created, dropped: gone }) => ({
      title,
      created: keysOf(created),
      dropped: keysOf(gone),
      steps: steps.map(({ phase, title: step }) => ({ phase, title: step })),
    }));
    return output.result(
      { plans: shown, copies, summary, warnings, ...(effects.length === 0 ? {} : { effects }) },
      () => [text(), ...effects].join('\n'),
      ['the same without --dry-run'],
    );
  }
  output.note(text());
  await confirm(io, options, `carry out ${plans.length} ${plans.length === 1 ? 'transformation' : 'transformations'}`, [
    `${copies} ${copies === 1 ? 'shard is' : 'shards are'} copied while everything is read and written`,
    ...(dropped.length === 0
      ? []
      : [
          `${dropped.length} old ${dropped.length === 1 ? 'shard is' : 'shards are'} set aside ${options.cleanup === true ? 'in the end' : 'by the cleanup, which you start'}`,
        ]),
    ...effects,
  ]);
  await first();
  const ids = await gizzard.migrations.begin(plans, {
    ...ratesOf(options),
    ...(options.cleanup === true ? { cleanup: true } : {}),
  });
  const name = ids.length === 1 ? `migration ${ids[0]}` : `migrations ${ids[0]} to ${ids.at(-1)}`;
  if (options.wait !== true)
    return output.result({ migrations: ids, warnings }, () => `servers carry out ${name}`, [
      `roost migrations show ${ids[0]}`,
      `roost migrations list`,
      ...nextSteps,
    ]);
  const states = await waitForAll(io, gizzard, output, ids).catch((error: unknown) => {
    if (io.signal.aborted && options.json !== true)
      io.stderr.write(
        `${name} ${ids.length === 1 ? 'goes' : 'go'} on; \`roost migrations pause ${ids.join(' ')}\` stops ${ids.length === 1 ? 'it' : 'them'}\n`,
      );
    throw error;
  });
  const failed = states.find(({ state }) => state === 'failed');
  if (failed !== undefined)
    throw new RoostError('FailedPrecondition', `migration ${failed.id} failed: ${failed.error}`, {
      fields: { migration: failed.id },
    });
  const settled = states.filter(({ state }) => state === 'settled').map(({ id }) => id);
  output.result(
    { migrations: states.map(({ id, state }) => ({ id, state })), warnings },
    () => `${name}: ${[...new Set(states.map(({ state }) => state))].join(', ')}`,
    settled.length === 0
      ? nextSteps
      : [`roost migrations cleanup ${settled.join(' ')}`, `roost migrations rollback ${settled.join(' ')}`],
  );
}

async function waitForAll(io: CliIo, gizzard: Gizzard, output: Output, ids: readonly number[]) {
  let last = '';
  let lastMs = performance.now();
  return watch(io, output, async () => {
    const reports = await Promise.all(ids.map((id) => gizzard.migrations.show(id)));
    const resting = reports.filter(({ state }) => !['queued', 'running'].includes(state));
    const [first] = reports.filter(({ state }) => state === 'running');
    const step = first?.steps.find(({ state }) => state === 'running' || state === 'undoing');
    const [move] = first?.moves.filter(({ state }) => state === 'running') ?? [];
    const line = `${resting.length} of ${ids.length} finished${step === undefined ? '' : `; migration ${first!.id}: ${step.title}`}`;
    // The figures of a copy change at every poll, so they print only every `figuresEveryMs`, or with a new line.
    if (line !== last || (move !== undefined && performance.now() - lastMs > figuresEveryMs)) {
      output.note(output.dim(move === undefined ? line : `${line} (${moveFigures(move)})`));
      lastMs = performance.now();
    }
    last = line;
    return resting.length === ids.length ? reports : undefined;
  });
}
