import type { Command } from 'commander';
import { RoostError } from '../core/index.js';
import { type Gizzard, type MoveTask, remainingMs, shardKey, type ShardId, type Topology } from '../gizzard/index.js';
import { moveFigures } from './console/moveFigures.js';
import { maxRateOption, minRateOption, ratesOf } from './console/beginPlans.js';
import type { CliIo } from './console/cliIo.js';
import { shardListArgument, withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand, integerArgument } from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';
import { formatCount, type Output } from './console/output.js';
import { Progress } from './console/progress.js';
import { watch } from './console/watch.js';

interface MoveOptions extends ConfigOptions, ConfirmOptions {
  readonly minRate?: number;
  readonly maxRate?: number;
  readonly wait?: true;
}

const idArgument = integerArgument(1, Number.MAX_SAFE_INTEGER);

/** Moving the data of shards, as commands of the noun `shard`. */
export function addShardMoveCommands(shard: Command, io: CliIo): void {
  const define = (name: string, description: string, example: string): Command =>
    defineCommand(shard, name, description, example).addOption(configOption());
  const request = (
    kind: 'copy' | 'repair' | 'diff',
    description: string,
    argument: string,
    lost: (ids: readonly ShardId[]) => string | undefined,
  ): void => {
    const command = define(kind, description, `roost shard ${kind} db1/follows_forward_0000 db2/follows_forward_0000`)
      .argument('<shards...>', argument, shardListArgument)
      .addOption(minRateOption())
      .addOption(maxRateOption());
    if (kind !== 'diff') command.addOption(yesOption()).option('--wait', 'return when it is done');
    command.action((ids: readonly ShardId[], options: MoveOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        if (new Set(ids.map(shardKey)).size < 2)
          throw new RoostError('InvalidArgument', `a ${kind} needs two or more different shards`);
        const loss = lost(ids);
        if (loss !== undefined)
          await confirm(io, options, `${kind} ${ids.map(shardKey).join(', ')}`, [
            loss,
            ...strangers(gizzard.topology, ids),
          ]);
        const id = await gizzard.moves.request(kind, ids, ratesOf(options));
        if (kind !== 'diff' && options.wait !== true)
          return output.result({ move: id }, () => `a server does it: move ${id}`, [
            'roost shard moves',
            `roost shard cancel ${id}`,
          ]);
        report(output, await follow(io, gizzard, output, id));
      }),
    );
  };
  request(
    'copy',
    'merge what the first shard holds into the others',
    'host/prefix: the source, then the targets',
    ([source, ...targets]) =>
      `rows of ${targets.map(shardKey).join(', ')} that are older than those of ${shardKey(source!)} are replaced`,
  );
  request(
    'repair',
    'merge shards into each other, so that all end the same',
    'host/prefix of each',
    (ids) => `rows of ${ids.map(shardKey).join(', ')} that are older than those of another are replaced`,
  );
  request(
    'diff',
    'print the rows that are not the same in some shards; writes nothing',
    'host/prefix of each',
    () => undefined,
  );

  define('moves', 'list copies, repairs and diffs: rate, percent, time left', 'roost shard moves --all')
    .option('--all', 'those that are at their end too')
    .action((options: ConfigOptions & { readonly all?: true }) =>
      withCluster(io, options, async ({ moves }, output) => {
        const found = await moves.store.list({ active: options.all !== true, limit: 1_000 });
        output.result(
          { moves: found.map((task) => ({ ...task, differences: undefined, remainingMs: remainingMs(task) })) },
          () => (found.length === 0 ? 'nothing is being moved' : found.map(moveText).join('\n')),
        );
      }),
    );

  define('cancel', 'have servers stop a copy, repair or diff; what it has written stays', 'roost shard cancel 31')
    .argument('<move>', 'its number', idArgument)
    .option('--wait', 'return when it has stopped')
    .action((id: number, options: ConfigOptions & { readonly wait?: true }) =>
      withCluster(io, options, async ({ moves }, output) => {
        await moves.cancel(id);
        if (options.wait !== true)
          return output.result({ move: id, state: 'cancelling' }, () => `a server stops move ${id}`, [
            'roost shard moves --all',
          ]);
        const { state } = await moves.ended(id, io.signal);
        output.result({ move: id, state }, () => `cancelled move ${id}`);
      }),
    );

  define('rate', 'give a move another floor and ceiling, while it runs', 'roost shard rate 31 --max-rate 20000')
    .argument('<move>', 'its number', idArgument)
    .addOption(minRateOption())
    .addOption(maxRateOption())
    .action((id: number, options: MoveOptions) =>
      withCluster(io, options, async ({ moves }, output) => {
        const { minRowsPerSecond, maxRowsPerSecond } = await moves.get(id);
        const rates = { minRowsPerSecond, maxRowsPerSecond, ...ratesOf(options) };
        await moves.setRates(id, rates);
        output.result(
          { move: id, ...rates },
          () =>
            `move ${id} stays between ${formatCount(rates.minRowsPerSecond)} and ${formatCount(rates.maxRowsPerSecond)} rows/s`,
        );
      }),
    );
}

/** Shards of different trees hold different keys; a shard in no tree yet may belong to any. */
function strangers(topology: Topology, ids: readonly ShardId[]): string[] {
  const rootOf = (id: ShardId): string => {
    const [parent] = topology.parents(id);
    return parent === undefined ? shardKey(id) : rootOf(parent.parent);
  };
  const roots = new Set(ids.filter((id) => topology.hasShard(id) && topology.parents(id).length > 0).map(rootOf));
  return roots.size < 2
    ? []
    : [`they stand in different trees, ${[...roots].join(' and ')}: rows of keys that are not theirs stay in them`];
}

/** A state for people: a running move or migration with an error, such as a host that does not answer, is held up. */
export const heldUp = (state: string, error: string): string =>
  state === 'running' && error !== '' ? 'held up' : state;

/** One line of a move, for people. */
export function moveText(task: MoveTask): string {
  const { id, kind, sources, targets, state, error } = task;
  const shards = [...sources, ...targets]
    .map(({ id: shard }) => shardKey(shard))
    .join(targets.length > 0 ? ' → ' : ', ');
  return `move ${id}: ${kind} ${shards} is ${heldUp(state, error)}: ${moveFigures(task)}${error === '' ? '' : ` (${error})`}`;
}

/** Shows the progress of a move until it stops. */
async function follow(io: CliIo, { moves }: Gizzard, output: Output, id: number): Promise<MoveTask> {
  let progress: Progress | undefined;
  let shown = 0;
  try {
    return await watch(io, output, async () => {
      const task = await moves.get(id);
      if (task.rowsTotal > 0) progress ??= new Progress(io, task.kind, task.rowsTotal, output.quiet);
      progress?.advance(task.rowsDone - shown);
      if (progress !== undefined) shown = task.rowsDone;
      if (task.state === 'done') return task;
      if (task.state === 'failed' || task.state === 'cancelled')
        throw new RoostError(
          'FailedPrecondition',
          `move ${id} ${task.state === 'failed' ? `failed: ${task.error}` : 'was cancelled'}`,
          { fields: { move: id } },
        );
      return undefined;
    });
  } finally {
    progress?.stop();
  }
}

function report(output: Output, task: MoveTask): void {
  const { id, kind, rowsDone, differenceCount, differences } = task;
  output.result({ move: id, kind, rows: rowsDone, differenceCount, differences }, () => {
    if (kind !== 'diff')
      return `${kind}: ${formatCount(rowsDone)} rows${kind === 'repair' || kind === 'merge' ? `, ${formatCount(differenceCount)} were different` : ''}`;
    if (differenceCount === 0) return `no difference in ${formatCount(rowsDone)} rows`;
    const lines = differences.flatMap(({ table, key, rows }) =>
      Object.entries(rows).map(([shard, row]) => [
        table,
        key,
        shard,
        row === null
          ? 'missing'
          : Object.entries(row)
              .map(([name, value]) => `${name}=${value}`)
              .join(' '),
      ]),
    );
    const more =
      differenceCount > differences.length ? `\nand ${formatCount(differenceCount - differences.length)} more` : '';
    return `${output.table(['table', 'key', 'shard', 'row'], lines)}${more}\n${formatCount(differenceCount)} of ${formatCount(rowsDone)} rows differ`;
  });
}
