import type { Command } from 'commander';
import { type Gizzard, leftBehind, type MigrationReport, type MoveTask, phaseOf } from '../gizzard/index.js';
import { again, watchOption, type WatchOptions } from './console/again.js';
import type { CliIo } from './console/cliIo.js';
import { withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand, defineGroup, integerArgument } from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';
import type { Output } from './console/output.js';
import { addThrottleCommand, throttleJson, throttleText } from './migrationThrottle.js';
import { heldUp, moveText } from './shardMoves.js';

const idArgument = integerArgument(1, Number.MAX_SAFE_INTEGER);
const idListArgument = (text: string, before: readonly number[] | undefined): readonly number[] => [
  ...(before ?? []),
  idArgument(text),
];

export function addMigrationCommands(program: Command, io: CliIo): void {
  const group = defineGroup(
    program,
    'migrations',
    'see and steer transformations; servers carry them out, whoever started them',
  ).alias('migration');
  const define = (name: string, description: string, example: string): Command =>
    defineCommand(group, name, description, example).addOption(configOption());

  define('list', 'list migrations, the newest first', 'roost migrations list --all')
    .option('--all', 'those that are at their end too')
    .addOption(watchOption())
    .action((options: ConfigOptions & WatchOptions & { readonly all?: true }) =>
      withCluster(io, options, ({ migrations }, output) =>
        again(io, options, output, async () => {
          const [found, throttle] = await Promise.all([
            migrations.list({ active: options.all !== true }),
            migrations.throttle(),
          ]);
          const bounds = throttleText(throttle);
          const phases = await migrations.phases(found.map(({ id }) => id));
          const shown = found.map((each) => ({ ...each, phase: phases.get(each.id) }));
          const rows = shown.map(({ id, state, phase, createdAt, title, error }) => [
            String(id),
            heldUp(state, error),
            phase ?? '',
            createdAt,
            title,
            error,
          ]);
          output.result(
            { migrations: shown, ...(bounds === undefined ? {} : { throttle: throttleJson(throttle) }) },
            () =>
              (bounds === undefined ? '' : `${bounds}\n`) +
              (found.length === 0
                ? 'no migration is under way'
                : output.table(['number', 'state', 'phase', 'started', 'what', 'error'], rows)),
          );
        }),
      ),
    );

  define('show', 'show a migration: each step, what it found, and how far it is', 'roost migrations show 12')
    .argument('<number>', 'its number', idArgument)
    .action((id: number, options: ConfigOptions) =>
      withCluster(io, options, async ({ migrations }, output) => {
        const report = await migrations.show(id);
        output.result(
          {
            ...summary(report),
            steps: report.steps.map(({ step, phase, title, precondition, state, evidence }) => ({
              step,
              phase,
              title,
              precondition,
              state,
              evidence,
            })),
            moves: report.moves.map(moveSummary),
          },
          () => reportText(output, report),
          nextSteps(report),
        );
      }),
    );

  const steer = (name: 'pause' | 'resume', description: string, done: string): void => {
    define(name, description, `roost migrations ${name} 12`)
      .argument('<numbers...>', 'their numbers', idListArgument)
      .action((ids: readonly number[], options: ConfigOptions) =>
        withCluster(io, options, async ({ migrations }, output) => {
          for (const id of ids) await migrations[name](id);
          output.result({ migrations: ids }, () => `${done} ${ids.join(', ')}`, [`roost migrations show ${ids[0]}`]);
        }),
      );
  };
  steer('pause', 'let migrations rest where they are; both sides keep receiving writes', 'paused');
  steer('resume', 'go on with migrations that were paused or have failed', 'resumed');

  addThrottleCommand(group, io);

  const end = (
    name: 'rollback' | 'cleanup',
    description: string,
    question: string,
    lost: (gizzard: Gizzard, id: number) => Promise<string>,
  ): void => {
    define(name, description, `roost migrations ${name} 12`)
      .argument('<numbers...>', 'their numbers', idListArgument)
      .addOption(yesOption())
      .action((ids: readonly number[], options: ConfigOptions & ConfirmOptions) =>
        withCluster(io, options, async (gizzard, output) => {
          await confirm(
            io,
            options,
            `${question} ${ids.join(', ')}`,
            await Promise.all(ids.map((id) => lost(gizzard, id))),
          );
          for (const id of ids) await gizzard.migrations[name](id);
          output.result(
            { migrations: ids },
            () => `servers ${name === 'rollback' ? 'roll back' : 'clean up'} ${ids.join(', ')}`,
            [`roost migrations show ${ids[0]}`],
          );
        }),
      );
  };
  end(
    'rollback',
    'go back to where migrations began\nReads are at once on the old shards, where they had left them; nothing that was written is lost.',
    'roll back',
    async (gizzard, id) =>
      `migration ${id}: the new shards go (${tables(await gizzard.migrations.show(id), 'createTables')})`,
  );
  end(
    'cleanup',
    'take away the old shards of migrations that have settled\nThey are compared once more, then set aside: there is no rollback after this, and `roost shard dropped` lists them for as long as they are kept. Those on a host that stays away are left behind, and `roost doctor` names them.',
    'clean up',
    async (gizzard, id) =>
      `migration ${id}: the old shards go out of use, and are kept for ${gizzard.config.moves.undropDays} days (${tables(await gizzard.migrations.show(id), 'retire')})`,
  );
}

const tables = ({ steps }: MigrationReport, kind: 'createTables' | 'retire'): string => {
  const shards = steps.flatMap(({ action }) => (action.kind === kind && 'shards' in action ? action.shards : []));
  return shards.length === 0
    ? 'none holds data of its own'
    : shards.map(({ id }) => `${id.hostname}/${id.tablePrefix}`).join(', ');
};

const summary = ({ id, planId, title, state, goal, error, createdAt, steps }: MigrationReport) => ({
  id,
  planId,
  title,
  state,
  goal,
  error,
  createdAt,
  phase: phaseOf(steps),
});
const moveSummary = ({ id, kind, state, rowsDone, rowsTotal, rowsPerSecond, differenceCount }: MoveTask) => ({
  id,
  kind,
  state,
  rowsDone,
  rowsTotal,
  rowsPerSecond: Math.round(rowsPerSecond),
  differenceCount,
});

function reportText(output: Output, report: MigrationReport): string {
  const marks = { pending: ' ', running: '▸', done: '✓', undoing: '◂', undone: '↶' } as const;
  return [
    output.bold(report.title),
    `migration ${report.id} is ${heldUp(report.state, report.error)}${report.goal === 'rollback' ? ', on its way back' : ''}${report.error === '' ? '' : `: ${report.error}`}`,
    ...report.steps.map(({ phase, title, state, evidence }) => {
      const seen = Object.entries(evidence).map(
        ([name, value]) => `${name} ${Array.isArray(value) ? value.join(' ') : String(value)}`,
      );
      return `${marks[state]} ${phase.padEnd(8)} ${title}${seen.length === 0 ? '' : output.dim(` (${seen.join(', ')})`)}`;
    }),
    ...report.moves
      .filter(({ state }) => state === 'running' || state === 'paused' || state === 'queued')
      .map(moveText),
  ].join('\n');
}

function nextSteps({ id, state, steps }: MigrationReport): string[] {
  if (state === 'settled') return [`roost migrations cleanup ${id}`, `roost migrations rollback ${id}`];
  if (state === 'paused' || state === 'failed')
    return [`roost migrations resume ${id}`, `roost migrations rollback ${id}`];
  if (state === 'queued' || state === 'running') return [`roost migrations pause ${id}`];
  return leftBehind(steps).length === 0 ? [] : ['roost doctor --fix --drop-tables'];
}
