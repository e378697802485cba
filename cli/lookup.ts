import type { Command } from 'commander';
import { shardKey, type TreeNode } from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  idArgument,
  openConfig,
  outputFor,
} from './console/command.js';
import { withFlock } from './graph.js';

export function addLookupCommand(program: Command, io: CliIo): void {
  defineCommand(
    program,
    'lookup',
    "show where a node's edges live\nIts forwarding, the tree of shards below it and the tree's leaves, in both directions.",
    'roost lookup follows 12',
  )
    .argument('<graph>', "the graph's name, or a table's number")
    .argument('<id>', 'the node', idArgument)
    .addOption(configOption())
    .action(async (name: string, id: bigint, options: ConfigOptions) => {
      await withFlock(openConfig(io, options).config, { create: false }, async (flock) => {
        const { topology } = flock.gizzard;
        const output = outputFor(io, options);
        if (/^-?\d+$/.test(name)) {
          const { table, hash, baseId, route } = topology.locate(Number(name), id);
          const leaves = route.leaves.map(({ key, read, write }) => ({ shard: key, read, write }));
          return output.result(
            { table: table.tableId, id, hash, baseId, rootShard: shardKey(route.root.id), leaves },
            () =>
              [
                `table ${table.tableId} (${table.name}), hash ${hash}, forwarding from ${baseId}`,
                ...treeLines(route.tree, 1),
              ].join('\n'),
          );
        }
        const graph = flock.graph(name);
        const locations = flock.locate(graph.id, id);
        const trees = locations.map(({ tableId }) => topology.locate(tableId, id).route.tree);
        output.result({ graph: graph.name, id, locations }, () =>
          locations
            .map(({ direction, tableId, hash, baseId }, i) =>
              [
                `${output.bold(direction)}: table ${tableId}, hash ${hash}, forwarding from ${baseId}`,
                ...treeLines(trees[i]!, 1),
              ].join('\n'),
            )
            .join('\n'),
        );
      });
    });
}

function treeLines({ shard, weight, leaf, children }: TreeNode, depth: number): string[] {
  const access = leaf === undefined ? '' : ` · weight ${weight} · read ${leaf.read} · write ${leaf.write}`;
  return [
    `${'  '.repeat(depth)}${shard.type} ${shardKey(shard.id)}${access}`,
    ...children.flatMap((child) => treeLines(child, depth + 1)),
  ];
}
