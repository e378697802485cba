import type { Command } from 'commander';
import { edgeStates } from '../../flock/index.js';
import type { CliIo } from '../console/cliIo.js';
import { withClient } from '../console/client.js';
import { idArgument, idListArgument, outputFor } from '../console/command.js';
import { ask, directionOption, type SetFlags } from './askOptions.js';
import { timeText } from './printPage.js';

/** count and metadata: the properties of nodes. */
export function addNodeCommands(flock: Command, io: CliIo): void {
  ask(flock, 'count', 'how many edges a node has in each state', 'roost flock count follows 1 --direction backward')
    .argument('<id>', 'the node', idArgument)
    .addOption(directionOption())
    .action(async (name: string, id: bigint, options: SetFlags) => {
      const counts = await withClient(io, options, async (roost) =>
        (await roost.graph(name)).counts(id, { direction: options.direction }),
      );
      const output = outputFor(io, options);
      output.result(counts, () => output.table(edgeStates, [edgeStates.map((state) => counts[state])]));
    });

  ask(
    flock,
    'metadata',
    'what mass operations have left on nodes, and their counts',
    'roost flock metadata follows 1 2 3',
  )
    .argument('<ids...>', 'the nodes', idListArgument)
    .addOption(directionOption())
    .action(async (name: string, ids: readonly bigint[], options: SetFlags) => {
      const found = await withClient(io, options, async (roost) =>
        (await roost.graph(name)).nodes(ids, { direction: options.direction }),
      );
      const nodes = found.map((node, i) => ({ id: ids[i]!, node: node ?? null }));
      const output = outputFor(io, options);
      output.result({ nodes }, () =>
        output.table(
          ['node', 'color', 'since', 'removed through', ...edgeStates],
          nodes.map(({ id, node }) =>
            node === null
              ? [String(id), 'nothing was ever written of it', '', '', ...edgeStates.map(() => '')]
              : [
                  String(id),
                  node.color,
                  node.coloredAt === 0n ? 'ever' : timeText(node.coloredAt),
                  node.removedThrough < 0n ? 'never' : timeText(node.removedThrough),
                  ...edgeStates.map((state) => String(node.counts[state])),
                ],
          ),
        ),
      );
    });
}
