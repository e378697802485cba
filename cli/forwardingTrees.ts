import type { Command } from 'commander';
import { RoostError } from '../core/index.js';
import { shardKey, type ShardId, type Topology } from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import { tableArgument, tableName, withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand } from './console/command.js';
import { drawTree, type DrawnTree } from './console/drawTree.js';

export function addForwardingTreesCommand(forwarding: Command, io: CliIo): void {
  defineCommand(
    forwarding,
    'trees',
    'draw the tree of every forwarding\nWith --json: the whole topology, as the name server holds it.',
    'roost forwarding trees 1',
  )
    .argument(
      '[tables...]',
      'numbers of tables (default: all)',
      (text: string, before: readonly number[] | undefined) => [...(before ?? []), tableArgument(text)],
    )
    .addOption(configOption())
    .action((wanted: readonly number[] | undefined, options: ConfigOptions) =>
      withCluster(io, options, async ({ topology }, output) => {
        const tables = (wanted ?? []).length === 0 ? topology.tables.map(({ tableId }) => tableId) : wanted!;
        const unknown = tables.find((tableId) => !topology.tables.some((table) => table.tableId === tableId));
        if (unknown !== undefined)
          throw new RoostError('NotFound', `there is no table ${unknown}`, { fields: { table: unknown } });
        const { state } = topology;
        const forwardings = state.forwardings
          .filter(({ tableId }) => tables.includes(tableId))
          .sort((a, b) => (a.baseId < b.baseId ? -1 : 1));
        output.result(
          { ...state, tables: state.tables.filter(({ tableId }) => tables.includes(tableId)), forwardings },
          () =>
            tables
              .flatMap((tableId) => [
                output.bold(`table ${tableName(topology, tableId)}`),
                ...forwardings
                  .filter((each) => each.tableId === tableId)
                  .flatMap(({ baseId, shard }) =>
                    drawTree({ label: `from ${baseId}`, children: [treeOf(topology, shard)] }),
                  ),
              ])
              .join('\n') || 'there are no tables',
        );
      }),
    );
}

const treeOf = (topology: Topology, id: ShardId): DrawnTree => ({
  label: `${topology.shard(id).type} ${shardKey(id)}`,
  children: topology.children(id).map(({ child }) => treeOf(topology, child)),
});
