import { type Command, Option } from 'commander';
import { type IdInput, limits, parseId, parseInt64, RoostError } from '../../core/index.js';
import { operations, type Operation, type Priority } from '../../flock/index.js';
import type { NodeOptions } from '../../sdk/index.js';
import type { CliIo } from '../console/cliIo.js';
import { type ClientOptions, withClient } from '../console/client.js';
import { argument, idArgument, idListArgument, outputFor } from '../console/command.js';
import { formatCount } from '../console/output.js';
import { ask } from './askOptions.js';

interface WriteCommandOptions extends ClientOptions {
  readonly all?: true;
  readonly direction?: NonNullable<NodeOptions['direction']>;
  readonly position?: bigint;
  readonly at?: bigint;
  readonly priority: Priority;
  readonly wait?: true;
}

const about: Readonly<Record<Operation, readonly [edges: string, all: string]>> = {
  add: [
    'make edges normal',
    'make all edges of the node normal again, those that were removed excepted; they keep their positions',
  ],
  remove: ['remove edges', 'remove all edges that the node has now, for good'],
  archive: ['hide edges; they keep their positions', 'hide all edges of the node, later ones too, until add --all'],
  negate: ['make edges negative', 'make all edges of the node negative, later ones too, until add --all'],
};

const setsPosition: ReadonlySet<Operation> = new Set(['add', 'negate']);

/** add, remove, archive and negate: of edges, or of all edges of a node. */
export function addWriteCommands(flock: Command, io: CliIo): void {
  for (const operation of operations) {
    const [edges, all] = about[operation];
    const command = ask(
      flock,
      operation,
      `${edges}, or with --all those of a node`,
      `roost flock ${operation} follows 1 2\nroost flock ${operation} follows 1 --all --direction both`,
    )
      .argument('<source>', 'from this node; with --all, the node', idArgument)
      .argument(
        '[destinations...]',
        `to these nodes, at most ${formatCount(limits.operationsPerWrite)}, all in one call`,
        idListArgument,
      )
      .option('--all', all)
      .addOption(
        new Option(
          '--direction <direction>',
          'with --all: edges that the node has, edges that lead to it, or both (default: forward)',
        ).choices(['forward', 'backward', 'both']),
      );
    if (setsPosition.has(operation))
      command.option(
        '--position <position>',
        'the sort key (default: the time in microseconds)',
        argument((text: IdInput) => parseInt64(text, 'position')),
      );
    command
      .option(
        '--at <microseconds>',
        'when it counts as made, since 1970 (default: now)',
        argument((text: IdInput) => parseId(text, 'at')),
      )
      .addOption(
        new Option('--priority <priority>', 'the queue that it takes')
          .choices(['high', 'medium', 'low'])
          .default('high'),
      )
      .option('--wait', 'wait until it can be read')
      .action((graph: string, source: bigint, destinations: readonly bigint[], options: WriteCommandOptions) =>
        write(io, operation, graph, source, destinations, options),
      );
  }
}

async function write(
  io: CliIo,
  operation: Operation,
  name: string,
  source: bigint,
  destinations: readonly bigint[],
  options: WriteCommandOptions,
): Promise<void> {
  const { all = false, direction, position, at, priority, wait = false } = options;
  if (all !== (destinations.length === 0))
    throw new RoostError('InvalidArgument', 'name the nodes that the edges lead to, or --all');
  if (!all && direction !== undefined) throw new RoostError('InvalidArgument', '--direction belongs to --all');
  if (all && position !== undefined)
    throw new RoostError('InvalidArgument', '--all keeps positions: --position belongs to single edges');
  const time = at === undefined ? {} : { at };
  await withClient(io, options, async (roost) => {
    const graph = await roost.graph(name);
    await graph.batch(
      (batch) => {
        if (all) batch[`${operation}All`](source, { ...time, ...(direction === undefined ? {} : { direction }) });
        for (const destination of destinations)
          batch[operation](source, destination, { ...time, ...(position === undefined ? {} : { position }) });
      },
      { priority, acknowledgment: wait ? 'materialized' : 'journaled' },
    );
  });
  const what = all
    ? `${operation} of all edges of ${source}`
    : `${operation} of ${formatCount(destinations.length)} ${destinations.length === 1 ? 'edge' : 'edges'}`;
  outputFor(io, options).result(
    {
      graph: name,
      operation,
      all,
      edgeCount: destinations.length,
      acknowledgment: wait ? 'materialized' : 'journaled',
    },
    () => (wait ? `done: ${what}` : `journaled: ${what}`),
  );
}
