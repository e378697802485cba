import { type Command, InvalidArgumentError, Option } from 'commander';
import { limits, RoostError } from '../core/index.js';
import { type Direction, type EdgeState, edgeStates } from '../flock/index.js';
import type { Edge, NodeQuery } from '../sdk/index.js';
import type { CliIo } from './console/cliIo.js';
import { type ClientOptions, serverOption, withClient } from './console/client.js';
import { configOption, cursorArgument, defineCommand, defineGroup, idArgument, idListArgument, integerArgument, nameListArgument, outputFor } from './console/command.js';
import type { Output } from './console/output.js';

interface SetOptions extends ClientOptions {
  readonly direction: Direction;
  readonly states: readonly EdgeState[];
}

interface PageOptions extends SetOptions {
  readonly count: number;
  readonly cursor: bigint;
}

export function addFlockCommands(program: Command, io: CliIo): void {
  const flock = defineGroup(program, 'flock', 'ask a server about edges');

  const ask = (name: string, description: string, example: string): Command =>
    defineCommand(flock, name, description, example).argument('<graph>', "the graph's name").addOption(serverOption()).addOption(configOption());
  const askEdge = (name: string, description: string, example: string): Command =>
    ask(name, description, example).argument('<source>', 'from this node', idArgument).argument('<destination>', 'to this node', idArgument);
  const askSet = (name: string, description: string, example: string): Command =>
    ask(name, description, example).addOption(
      new Option('--direction <direction>', 'forward: the ends of its edges; backward: where edges to it begin').choices(['forward', 'backward']).default('forward'),
    );

  askEdge('contains', 'whether an edge is there: normal or negative', 'roost flock contains follows 1 2').action(
    async (name: string, source: bigint, destination: bigint, options: ClientOptions) => {
      const contains = await withClient(io, options, async (roost) => (await roost.graph(name)).contains(source, destination));
      outputFor(io, options).result({ contains }, () => (contains ? 'yes' : 'no'));
    },
  );

  askEdge('get', 'one edge, in whatever state', 'roost flock get follows 1 2').action(
    async (name: string, source: bigint, destination: bigint, options: ClientOptions) => {
      const edge = await withClient(io, options, async (roost) => (await roost.graph(name)).get(source, destination));
      if (edge === undefined) {
        throw new RoostError('NotFound', `there has never been an edge from ${source} to ${destination} in ${name}`, { fields: { source, destination } });
      }
      const output = outputFor(io, options);
      output.result(edge, () => edgeTable(output, [edge]));
    },
  );

  askSet('count', 'how many edges a node has in each state', 'roost flock count follows 1 --direction backward')
    .argument('<id>', 'the node', idArgument)
    .action(async (name: string, id: bigint, options: SetOptions) => {
      const counts = await withClient(io, options, async (roost) => (await roost.graph(name)).counts(id, { direction: options.direction }));
      const output = outputFor(io, options);
      output.result(counts, () => output.table(edgeStates, [edgeStates.map((state) => counts[state])]));
    });

  addPageOptions(askSet('page', "a page of a node's edges, newest position first", 'roost flock page follows 1 --count 10'))
    .argument('<id>', 'the node', idArgument)
    .option('--edges', 'whole edges instead of ids')
    .action(async (name: string, id: bigint, options: PageOptions & { readonly edges?: true }) => {
      await withClient(io, options, async (roost) => {
        const graph = await roost.graph(name);
        const query = options.direction === 'forward' ? graph.from(id, options) : graph.to(id, options);
        if (options.edges !== true) return printPage(io, query, options);
        const page = await query.edgePage({ count: options.count, cursor: options.cursor });
        const output = outputFor(io, options);
        output.result(page, () => `${edgeTable(output, page.edges)}${cursorLine(output, page)}`);
      });
    });

  addPageOptions(askSet('intersect', 'the ids that all of some nodes have in common, greatest first', 'roost flock intersect follows 1 2 --direction backward'))
    .argument('<ids...>', 'two nodes or more', idListArgument)
    .action(async (name: string, ids: readonly bigint[], options: PageOptions) => {
      if (ids.length < 2) throw new RoostError('InvalidArgument', 'an intersection needs two nodes or more');
      await withClient(io, options, async (roost) => {
        const graph = await roost.graph(name);
        const sets = ids.map((id) => (options.direction === 'forward' ? graph.from(id, options) : graph.to(id, options)));
        await printPage(io, sets.reduce((all, set) => all.intersect(set)), options);
      });
    });
}

const addPageOptions = (command: Command): Command =>
  command
    .option('--count <count>', 'entries of the page', integerArgument(1, limits.pageSize), 20)
    .addOption(new Option('--cursor <cursor>', 'where the page begins: -1 at the start, else a cursor that came with a page').argParser(cursorArgument).default(-1n, '-1'))
    .addOption(new Option('--states <state,...>', `edges in any of these states: ${edgeStates.join(', ')}`).argParser(statesArgument).default(['normal'], 'normal'));

function statesArgument(text: string): readonly EdgeState[] {
  return nameListArgument(text).map((name) => {
    const state = edgeStates.find((known) => known === name);
    if (state === undefined) throw new InvalidArgumentError(`The states are ${edgeStates.join(', ')}.`);
    return state;
  });
}

async function printPage(io: CliIo, query: NodeQuery, options: PageOptions): Promise<void> {
  const { ids, nextCursor, prevCursor } = await query.page({ count: options.count, cursor: options.cursor });
  const output = outputFor(io, options);
  output.result({ ids: [...ids], nextCursor, prevCursor }, () => `${ids.length === 0 ? 'none' : ids.join('\n')}${cursorLine(output, { nextCursor, prevCursor })}`);
}

function cursorLine(output: Output, { nextCursor, prevCursor }: { readonly nextCursor: bigint; readonly prevCursor: bigint }): string {
  const parts = [...(nextCursor === 0n ? [] : [`next page: --cursor ${nextCursor}`]), ...(prevCursor === 0n ? [] : [`previous page: --cursor ${prevCursor}`])];
  return parts.length === 0 ? '' : `\n${output.dim(parts.join(' · '))}`;
}

function edgeTable(output: Output, edges: readonly Edge[]): string {
  const rows = edges.map(({ sourceId, destinationId, position, updatedAt, state }) => [
    String(sourceId),
    String(destinationId),
    state,
    String(position),
    new Date(Number(updatedAt / 1_000n)).toISOString(),
  ]);
  return output.table(['source', 'destination', 'state', 'position', 'updated'], rows);
}
