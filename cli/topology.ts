import type { Command } from 'commander';
import { leavesPerHost, placesOf, printTemplate, shardKey, type Template } from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import { tableName, withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand } from './console/command.js';
import { drawTree, type DrawnTree } from './console/drawTree.js';
import { addTopologyFileCommands } from './topologyFile.js';
import { chosenTables, tablesOption, type TablesOption } from './console/templates.js';

interface TopologyOptions extends ConfigOptions, TablesOption {
  readonly forwardings?: true;
}

export function addTopologyCommand(program: Command, io: CliIo): void {
  const topology = defineCommand(
    program,
    'topology',
    'count the shapes that trees have, and draw them',
    'roost topology --tables 1',
  )
    .option('--forwardings', 'list every tree with the keys that it serves')
    .addOption(tablesOption())
    .addOption(configOption())
    .action((options: TopologyOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const planner = await gizzard.migrations.planner();
        const trees = placesOf(planner, chosenTables(gizzard, options)).map((place) => ({
          ...place,
          template: planner.template(place.tableId, place.baseId),
        }));
        const migrations = await gizzard.migrations.reservations();
        if (options.forwardings === true) {
          const rows = trees.map(({ tableId, baseId, template }) => {
            const root = shardKey(planner.roots(tableId).get(baseId)!);
            return {
              table: tableId,
              base: baseId,
              root,
              shape: printTemplate(template),
              migration: migrations.get(root),
            };
          });
          output.result({ trees: rows }, () =>
            output.table(
              ['table', 'base', 'root', 'shape', 'migration'],
              rows.map((row) => [
                tableName(gizzard.topology, row.table),
                String(row.base),
                row.root,
                row.shape,
                row.migration === undefined ? '' : String(row.migration),
              ]),
            ),
          );
          return;
        }
        const shapes = new Map<string, { count: number; template: Template }>();
        const roots = new Set<string>();
        // A tree to which several ranges of keys are forwarded counts once.
        const once = trees.filter(
          ({ tableId, baseId }) => roots.size < roots.add(shardKey(planner.roots(tableId).get(baseId)!)).size,
        );
        for (const { template } of once) {
          const key = printTemplate(template);
          shapes.set(key, { template, count: (shapes.get(key)?.count ?? 0) + 1 });
        }
        const sorted = [...shapes].sort(([, a], [, b]) => b.count - a.count);
        const hosts = [...leavesPerHost(once.map(({ template }) => template))].sort(([a], [b]) => (a < b ? -1 : 1));
        output.result(
          {
            version: planner.topology.version,
            shapes: sorted.map(([shape, { count }]) => ({ shape, count })),
            leaves: Object.fromEntries(hosts),
            migrations: [...new Set(migrations.values())],
          },
          () =>
            trees.length === 0
              ? 'there are no trees; `roost graph create NAME` makes some'
              : [
                  ...sorted.flatMap(([shape, { count, template }]) => [
                    `${output.bold(String(count))} × ${shape}`,
                    ...drawTree(drawn(template)).map((line) => `    ${line}`),
                  ]),
                  '',
                  output.table(['host', 'leaves'], hosts),
                ].join('\n'),
        );
      }),
    );
  // Both commands take --config and --json: options after the name of a subcommand belong to the subcommand.
  topology.enablePositionalOptions();
  addTopologyFileCommands(topology, io);
}

const drawn = (template: Template): DrawnTree => ({
  label: `${template.type}${template.host === undefined ? '' : ` on ${template.host}`}${template.weight === 1 ? '' : ` weight ${template.weight}`}`,
  children: template.children.map(drawn),
});
