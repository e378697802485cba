import type { Command } from 'commander';
import { type Change, type Link, shardKey, type ShardId } from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import { change, reportChange, shardArgument, withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand, defineGroup, integerArgument } from './console/command.js';
import { confirmEffects } from './console/confirmEffects.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';

export function addLinkCommands(program: Command, io: CliIo): void {
  const link = defineGroup(program, 'link', 'link shards into trees');
  const define = (name: string, description: string, example: string): Command =>
    defineCommand(link, name, description, example).addOption(configOption());

  define('list', 'list links: all, or those of some shards', 'roost link list db1/follows_forward_0000')
    .argument('[shard]', 'host/prefix', shardArgument)
    .action((id: ShardId | undefined, options: ConfigOptions) =>
      withCluster(io, options, async ({ topology }, output) => {
        const links = (
          id === undefined
            ? topology.state.links
            : [...topology.parents(topology.shard(id).id), ...topology.children(id)]
        ).map(view);
        output.result({ links }, () =>
          links.length === 0
            ? 'none'
            : output.table(
                ['parent', 'child', 'weight'],
                links.map(({ parent, child, weight }) => [parent, child, weight]),
              ),
        );
      }),
    );

  define(
    'add',
    'link a shard below a node, or change the weight of their link\nAmong the children of one node reads are shared by weight; 0 takes none.',
    'roost link add localhost/follows_forward_0000_root db1/follows_forward_0000 --weight 2',
  )
    .argument('<parent>', 'host/prefix of the node', shardArgument)
    .argument('<child>', 'host/prefix of the shard', shardArgument)
    .option('--weight <weight>', 'its share of the reads', integerArgument(0, 2 ** 31 - 1), 1)
    .addOption(yesOption())
    .action(
      (
        parent: ShardId,
        child: ShardId,
        { weight, ...options }: ConfigOptions & ConfirmOptions & { readonly weight: number },
      ) =>
        withCluster(io, options, async (gizzard, output) => {
          const changes: Change[] = [{ kind: 'addLink', link: { parent, child, weight } }];
          await confirmEffects(io, options, gizzard, `link ${shardKey(child)} below ${shardKey(parent)}`, changes);
          const changed = await change(gizzard, 'link add', changes);
          reportChange(
            output,
            changed,
            view({ parent, child, weight }),
            `linked ${shardKey(child)} below ${shardKey(parent)}, weight ${weight}`,
          );
        }),
    );

  define('remove', 'take a link away', 'roost link remove localhost/follows_forward_0000_root db1/follows_forward_0000')
    .argument('<parent>', 'host/prefix of the node', shardArgument)
    .argument('<child>', 'host/prefix of the shard', shardArgument)
    .addOption(yesOption())
    .action((parent: ShardId, child: ShardId, options: ConfigOptions & ConfirmOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        await confirm(io, options, `unlink ${shardKey(child)} from ${shardKey(parent)}`, [
          `${shardKey(child)} takes no more reads and writes through ${shardKey(parent)}, and misses the writes from now on`,
        ]);
        const changed = await change(gizzard, 'link remove', [{ kind: 'removeLink', parent, child }]);
        reportChange(
          output,
          changed,
          { parent: shardKey(parent), child: shardKey(child) },
          `unlinked ${shardKey(child)} from ${shardKey(parent)}`,
        );
      }),
    );
}

const view = ({ parent, child, weight }: Link) => ({ parent: shardKey(parent), child: shardKey(child), weight });
