import type { Command } from 'commander';
import { RoostError } from '../../core/index.js';
import type { CliIo } from '../console/cliIo.js';
import { type ClientOptions, withClient } from '../console/client.js';
import { idArgument, outputFor } from '../console/command.js';
import { ask } from './askOptions.js';
import { edgeTable } from './printPage.js';

/** contains and get: one edge. */
export function addEdgeCommands(flock: Command, io: CliIo): void {
  const askEdge = (name: string, description: string, example: string): Command =>
    ask(flock, name, description, example)
      .argument('<source>', 'from this node', idArgument)
      .argument('<destination>', 'to this node', idArgument);

  askEdge('contains', 'whether an edge is there: normal or negative', 'roost flock contains follows 1 2').action(
    async (name: string, source: bigint, destination: bigint, options: ClientOptions) => {
      const contains = await withClient(io, options, async (roost) =>
        (await roost.graph(name)).contains(source, destination),
      );
      outputFor(io, options).result({ contains }, () => (contains ? 'yes' : 'no'));
    },
  );

  askEdge('get', 'one edge, in whatever state', 'roost flock get follows 1 2').action(
    async (name: string, source: bigint, destination: bigint, options: ClientOptions) => {
      const edge = await withClient(io, options, async (roost) => (await roost.graph(name)).get(source, destination));
      if (edge === undefined) {
        throw new RoostError('NotFound', `there has never been an edge from ${source} to ${destination} in ${name}`, {
          fields: { source, destination },
        });
      }
      const output = outputFor(io, options);
      output.result(edge, () => edgeTable(output, [edge]));
    },
  );
}
