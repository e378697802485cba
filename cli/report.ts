import { createHash } from 'node:crypto';
import type { Command } from 'commander';
import { RoostError } from '../core/index.js';
import { shardKey, type ShardId, type Topology } from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import { tableArgument, withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand } from './console/command.js';
import { drawTree, type DrawnTree } from './console/drawTree.js';
import { formatCount } from './console/output.js';

interface ReportOptions extends ConfigOptions {
  readonly table?: number;
  readonly signature?: string;
}

interface Shape {
  readonly signature: string;
  readonly tree: DrawnTree;
  readonly roots: ShardId[];
}

export function addReportCommand(program: Command, io: CliIo): void {
  defineCommand(
    program,
    'report',
    'count the shapes of the trees that tables forward to\nTrees have one shape where they differ in hosts and names only. With a signature, draw the trees of that shape.',
    'roost report --table 1',
  )
    .option('--table <number>', 'only the trees of this table', tableArgument)
    .option('--signature <signature>', 'draw the trees of this shape')
    .addOption(configOption())
    .action((options: ReportOptions) =>
      withCluster(io, options, async ({ topology }, output) => {
        const shapes = shapesOf(topology, options.table);
        if (options.signature !== undefined) {
          const shape = shapes.find(({ signature }) => signature === options.signature);
          if (shape === undefined)
            throw new RoostError(
              'NotFound',
              `no tree has the signature ${options.signature}; there are ${shapes.map(({ signature }) => signature).join(', ') || 'none'}`,
            );
          return output.result({ signature: shape.signature, roots: shape.roots.map(shardKey) }, () =>
            shape.roots.flatMap((id) => drawTree(named(topology, id))).join('\n'),
          );
        }
        const view = shapes.map(({ signature, roots, tree }) => ({
          signature,
          trees: roots.length,
          shape: drawTree(tree),
        }));
        output.result(
          { shapes: view },
          () =>
            view.length === 0
              ? 'there are no forwardings'
              : view
                  .map(
                    ({ signature, trees, shape }) =>
                      `${output.bold(signature)} ${formatCount(trees)} ${trees === 1 ? 'tree' : 'trees'}\n${shape.join('\n')}`,
                  )
                  .join('\n'),
          shapes.map(({ signature }) => `roost report --signature ${signature}`),
        );
      }),
    );
}

function shapesOf(topology: Topology, tableId: number | undefined): Shape[] {
  const shapes = new Map<string, Shape>();
  const seen = new Set<string>();
  for (const { tableId: table, shard } of topology.state.forwardings) {
    if ((tableId !== undefined && table !== tableId) || seen.has(shardKey(shard))) continue;
    seen.add(shardKey(shard));
    const tree = shapeOf(topology, shard);
    const signature = createHash('sha256').update(drawTree(tree).join('\n')).digest('hex').slice(0, 8);
    const shape = shapes.get(signature) ?? { signature, tree, roots: [] };
    shapes.set(signature, shape);
    shape.roots.push(shard);
  }
  return [...shapes.values()].sort((a, b) => b.roots.length - a.roots.length);
}

/** Without names, and with children in a canonical order, so that equal shapes give equal text. */
function shapeOf(topology: Topology, id: ShardId, weight = 1): DrawnTree {
  const children = topology.children(id).map((link) => shapeOf(topology, link.child, link.weight));
  children.sort((a, b) => (drawTree(a).join() < drawTree(b).join() ? -1 : 1));
  return { label: `${topology.shard(id).type}${weight === 1 ? '' : ` weight ${weight}`}`, children };
}

const named = (topology: Topology, id: ShardId): DrawnTree => ({
  label: `${topology.shard(id).type} ${shardKey(id)}`,
  children: topology.children(id).map(({ child }) => named(topology, child)),
});
