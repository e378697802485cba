import type { Command } from 'commander';
import { RoostError } from '../core/index.js';
import { type Forwarding, shardKey, type ShardId } from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import { change, reportChange, shardArgument, tableArgument, tableName, withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand, defineGroup } from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';
import { addForwardingTreesCommand } from './forwardingTrees.js';
import { baseArgument } from './console/templates.js';

interface ListOptions extends ConfigOptions {
  readonly table?: number;
  readonly hex?: true;
}

export function addForwardingCommands(program: Command, io: CliIo): void {
  const forwarding = defineGroup(program, 'forwarding', 'say which keys of a table go to which tree');
  const define = (name: string, description: string, example: string): Command =>
    defineCommand(forwarding, name, description, example).addOption(configOption());

  define(
    'list',
    'list the forwardings\nKeys whose hash is at or above a base, up to the next one, go to its shard.',
    'roost forwarding list --table 1',
  )
    .option('--table <number>', 'only those of this table', tableArgument)
    .option('--hex', 'bases in hexadecimal')
    .action((options: ListOptions) =>
      withCluster(io, options, async ({ topology }, output) => {
        const found = topology.state.forwardings
          .filter(({ tableId }) => options.table === undefined || tableId === options.table)
          .sort(inOrder);
        const forwardings = found.map(view);
        const base = (baseId: bigint): string =>
          options.hex === true ? baseId.toString(16).padStart(16, '0') : String(baseId);
        output.result({ forwardings }, () =>
          found.length === 0
            ? 'none'
            : output.table(
                ['table', 'base', 'shard'],
                found.map(({ tableId, baseId, shard }) => [
                  tableName(topology, tableId),
                  base(baseId),
                  shardKey(shard),
                ]),
              ),
        );
      }),
    );

  addForwardingTreesCommand(forwarding, io);

  define(
    'set',
    'forward the keys from a base on to a shard',
    'roost forwarding set 1 0 localhost/follows_forward_0000_root',
  )
    .argument('<table>', "the table's number, negative for backward edges", tableArgument)
    .argument('<base>', 'the lowest hash', baseArgument)
    .argument('<shard>', 'host/prefix of the root of a tree', shardArgument)
    .addOption(yesOption())
    .action((tableId: number, baseId: bigint, shard: ShardId, options: ConfigOptions & ConfirmOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const below = gizzard.topology.state.forwardings
          .filter((each) => each.tableId === tableId && each.baseId <= baseId)
          .sort(inOrder)
          .at(-1);
        const lost: string[] = [];
        const exists = gizzard.topology.hasShard(shard);
        if (exists && below !== undefined && shardKey(below.shard) !== shardKey(shard))
          lost.push(
            `what lies below ${shardKey(below.shard)} is no longer found by ${below.baseId === baseId ? 'these keys' : `keys from ${baseId} on`}; \`roost split\` takes it along`,
          );
        const parents = exists ? gizzard.topology.parents(shard) : [];
        if (parents.length > 0)
          lost.push(
            `${shardKey(shard)} stands below ${parents.map(({ parent }) => shardKey(parent)).join(', ')}, whose other shards will not hold what is written to it`,
          );
        if (lost.length > 0)
          await confirm(io, options, `forward table ${tableId} at ${baseId} to ${shardKey(shard)}`, lost);
        const changed = await change(gizzard, 'forwarding set', [
          { kind: 'setForwarding', forwarding: { tableId, baseId, shard } },
        ]);
        reportChange(
          output,
          changed,
          view({ tableId, baseId, shard }),
          `table ${tableId} forwards ${baseId} to ${shardKey(shard)}`,
          [`roost forwarding list --table ${tableId}`],
        );
      }),
    );

  define(
    'replace',
    'forward to another shard whatever is forwarded to one',
    'roost forwarding replace localhost/old_0000_root localhost/new_0000_root',
  )
    .argument('<old>', 'host/prefix', shardArgument)
    .argument('<new>', 'host/prefix', shardArgument)
    .addOption(yesOption())
    .action((from: ShardId, to: ShardId, options: ConfigOptions & ConfirmOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const found = gizzard.topology.state.forwardings.filter(({ shard }) => shardKey(shard) === shardKey(from));
        if (found.length === 0)
          throw new RoostError('NotFound', `no table forwards to shard ${shardKey(from)}`, {
            fields: { shard: shardKey(from) },
          });
        await confirm(io, options, `replace ${shardKey(from)} by ${shardKey(to)} in ${found.length} forwardings`, [
          `what lies below ${shardKey(from)} is no longer found by these keys`,
        ]);
        const changed = await change(
          gizzard,
          'forwarding replace',
          found.map((each) => ({ kind: 'setForwarding', forwarding: { ...each, shard: to } })),
        );
        reportChange(
          output,
          changed,
          { replaced: found.length },
          `${found.length} forwardings lead to ${shardKey(to)} now`,
        );
      }),
    );

  define(
    'remove',
    'take a forwarding away\nIts keys go where the next lower base leads.',
    'roost forwarding remove 1 0',
  )
    .argument('<table>', "the table's number", tableArgument)
    .argument('<base>', 'the lowest hash', baseArgument)
    .addOption(yesOption())
    .action((tableId: number, baseId: bigint, options: ConfigOptions & ConfirmOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const table = gizzard.topology.state.forwardings.filter((each) => each.tableId === tableId).sort(inOrder);
        const below = table.findLast((each) => each.baseId < baseId);
        await confirm(io, options, `remove the forwarding of table ${tableId} at ${baseId}`, [
          below === undefined
            ? 'its keys have no forwarding then: reads and writes of them fail'
            : `its keys go to ${shardKey(below.shard)} then, which may not hold them`,
        ]);
        const changed = await change(gizzard, 'forwarding remove', [{ kind: 'removeForwarding', tableId, baseId }]);
        reportChange(
          output,
          changed,
          { table: tableId, base: baseId },
          `removed the forwarding of table ${tableId} at ${baseId}`,
        );
      }),
    );
}

/** Both directions of a graph side by side, and bases ascending. */
const inOrder = (a: Forwarding, b: Forwarding): number =>
  Math.abs(a.tableId) - Math.abs(b.tableId) ||
  b.tableId - a.tableId ||
  (a.baseId < b.baseId ? -1 : a.baseId > b.baseId ? 1 : 0);

const view = ({ tableId, baseId, shard }: Forwarding) => ({ table: tableId, base: baseId, shard: shardKey(shard) });
