import { type Command, InvalidArgumentError } from 'commander';
import { RoostError } from '../core/index.js';
import {
  applyChanges,
  busyStates,
  type Change,
  type Gizzard,
  nodeType,
  nodeTypes,
  shardKey,
  type ShardId,
  type ShardInfo,
  Topology,
} from '../gizzard/index.js';
import { groupCommands } from './commandGroups.js';
import type { CliIo } from './console/cliIo.js';
import { change, reportChange, shardListArgument, withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand, defineGroup } from './console/command.js';
import { confirmEffects } from './console/confirmEffects.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';
import { drawTree } from './console/drawTree.js';
import { describe, drawn, printShards, rootsOf, text, treeOf } from './shardText.js';
import { addDroppedShardCommands } from './droppedShards.js';
import { addShardMoveCommands } from './shardMoves.js';
import { addStraysCommand } from './shardStrays.js';

interface ListOptions extends ConfigOptions {
  readonly host?: string;
  readonly type?: string;
  readonly busy?: true;
}

interface CreateOptions extends ConfigOptions {
  readonly attribute?: Readonly<Record<string, string>>;
}

type DeleteOptions = ConfigOptions & ConfirmOptions;

export function addShardCommands(program: Command, io: CliIo): void {
  const shard = defineGroup(program, 'shard', 'look at shards, make, wrap and delete them');
  const define = (name: string, description: string, example: string): Command =>
    defineCommand(shard, name, description, example).addOption(configOption());

  define('list', 'list the shards', 'roost shard list --host db1 --type flock')
    .alias('find')
    .option('--host <host>', 'only those of this host')
    .option('--type <type>', `only those of this type: ${nodeTypes.map(({ name }) => name).join(', ')}, or a store's`)
    .option('--busy', 'only those that are not in their normal state')
    .action((options: ListOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const found = gizzard.topology.state.shards.filter(
          ({ id, type, busy }) =>
            (options.host === undefined || id.hostname === options.host) &&
            (options.type === undefined || type === options.type) &&
            (options.busy === undefined || busy !== 'normal'),
        );
        printShards(gizzard, output, found);
      }),
    );

  define(
    'busy',
    'list the shards that something is being done to, or that an error left so',
    'roost shard busy',
  ).action((options: ConfigOptions) =>
    withCluster(io, options, async (gizzard, output) =>
      printShards(
        gizzard,
        output,
        gizzard.topology.state.shards.filter(({ busy }) => busy !== 'normal'),
      ),
    ),
  );

  define(
    'info',
    'show shards: their type, their links and what forwards to them',
    'roost shard info localhost/follows_forward_0000_root',
  )
    .argument('<shards...>', 'host/prefix of each', shardListArgument)
    .action((ids: readonly ShardId[], options: ConfigOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const shards = ids.map((id) => describe(gizzard, id));
        output.result({ shards }, () =>
          shards
            .map((each) =>
              Object.entries(each)
                .map(([name, value]) => `${name.padEnd(16)}${text(value)}`)
                .join('\n'),
            )
            .join('\n\n'),
        );
      }),
    );

  define('tree', 'draw the whole trees that shards are in', 'roost shard tree db1/follows_forward_0000')
    .alias('subtree')
    .argument('<shards...>', 'host/prefix of each', shardListArgument)
    .action((ids: readonly ShardId[], options: ConfigOptions) =>
      withCluster(io, options, async ({ topology }, output) => {
        const roots = new Map(
          ids.flatMap((id) => rootsOf(topology, topology.shard(id).id)).map((id) => [shardKey(id), id]),
        );
        const trees = [...roots.values()].map((id) => treeOf(topology, id));
        output.result({ trees }, () =>
          trees.flatMap((tree) => drawTree(drawn(tree, output, new Set(ids.map(shardKey))))).join('\n'),
        );
      }),
    );

  define(
    'create',
    'make shards, and the tables of those that hold data\nMaking one that is there already changes nothing.',
    'roost shard create replicating localhost/follows_0009_replicating',
  )
    .argument('<type>', `${nodeTypes.map(({ name }) => name).join(', ')}, or a store's`)
    .argument('<shards...>', 'host/prefix of each', shardListArgument)
    .option(
      '--attribute <name=value>',
      'one of its type, such as sourceType="INT UNSIGNED" (repeatable)',
      attributeArgument,
    )
    .action((type: string, ids: readonly ShardId[], options: CreateOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const changed = await change(
          gizzard,
          'shard create',
          ids.map((id) => ({
            kind: 'createShard',
            shard: { id, type, attributes: options.attribute ?? {}, busy: 'normal' },
          })),
        );
        reportChange(output, changed, { created: ids.map(shardKey) }, `made ${ids.map(shardKey).join(', ')}`, [
          `roost link add PARENT ${shardKey(ids[0]!)}`,
        ]);
      }),
    );

  define(
    'delete',
    'take shards out of the topology\nTheir tables stay on the host. A shard that is linked, or that a table forwards to, is refused.',
    'roost shard delete localhost/follows_0009_replicating',
  )
    .argument('<shards...>', 'host/prefix of each', shardListArgument)
    .addOption(yesOption())
    .action((ids: readonly ShardId[], options: DeleteOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const shards = ids.map((id) => gizzard.topology.shard(id));
        await confirm(io, options, `delete ${ids.map(shardKey).join(', ')}`, shards.map(lossOf));
        const changed = await change(
          gizzard,
          'shard delete',
          ids.map((id) => ({ kind: 'deleteShard', id })),
        );
        reportChange(output, changed, { deleted: ids.map(shardKey) }, `deleted ${ids.map(shardKey).join(', ')}`);
      }),
    );

  define(
    'wrap',
    "put a node above shards, between them and what they are linked or forwarded from\nThe node's name is the shard's, with the type behind it.",
    'roost shard wrap blocked db1/follows_forward_0000',
  )
    .argument('<type>', `${nodeTypes.map(({ name }) => name).join(', ')}`)
    .argument('<shards...>', 'host/prefix of each', shardListArgument)
    .addOption(yesOption())
    .action((type: string, ids: readonly ShardId[], options: ConfigOptions & ConfirmOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        if (nodeType(type) === undefined)
          throw new RoostError(
            'InvalidArgument',
            `there is no node type ${type}; there are ${nodeTypes.map(({ name }) => name).join(', ')}`,
          );
        const wrappers = ids.map((id) => ({
          hostname: 'localhost',
          tablePrefix: `${id.tablePrefix}_${type.toLowerCase()}`,
        }));
        const changes = ids.flatMap((id, i) => wrap(gizzard.topology, type, id, wrappers[i]!));
        await confirmEffects(io, options, gizzard, `wrap ${ids.map(shardKey).join(', ')} in ${type}`, changes);
        const changed = await change(gizzard, 'shard wrap', changes);
        reportChange(
          output,
          changed,
          { wrappers: wrappers.map(shardKey) },
          `wrapped in ${wrappers.map(shardKey).join(', ')}`,
          [`roost shard unwrap ${wrappers.map(shardKey).join(' ')}`],
        );
      }),
    );

  define(
    'unwrap',
    'take nodes out from between their parents and children, which are then linked directly',
    'roost shard unwrap localhost/follows_forward_0000_blocked',
  )
    .argument('<shards...>', 'host/prefix of each node', shardListArgument)
    .addOption(yesOption())
    .action((ids: readonly ShardId[], options: ConfigOptions & ConfirmOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        // A node may be above another: each is taken out of what the nodes before have left.
        let left = gizzard.topology;
        const changes = ids.flatMap((id) => {
          const own = unwrap(left, id);
          left = new Topology(applyChanges(left.state, own));
          return own;
        });
        await confirmEffects(io, options, gizzard, `unwrap ${ids.map(shardKey).join(', ')}`, changes);
        const changed = await change(gizzard, 'shard unwrap', changes);
        reportChange(output, changed, { unwrapped: ids.map(shardKey) }, `unwrapped ${ids.map(shardKey).join(', ')}`);
      }),
    );

  define(
    'mark',
    'say that something is being done to shards, or no more',
    'roost shard mark normal db1/follows_forward_0000',
  )
    .argument('<state>', busyStates.join(', '))
    .argument('<shards...>', 'host/prefix of each', shardListArgument)
    .action((state: string, ids: readonly ShardId[], options: ConfigOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const busy = busyStates.find((known) => known === state);
        if (busy === undefined)
          throw new RoostError('InvalidArgument', `there is no state ${state}; there are ${busyStates.join(', ')}`);
        await refuseMoved(gizzard, ids);
        const changed = await change(
          gizzard,
          'shard mark',
          ids.map((id) => ({ kind: 'markBusy', id, busy })),
        );
        reportChange(
          output,
          changed,
          { marked: ids.map(shardKey), busy },
          `marked as ${busy}: ${ids.map(shardKey).join(', ')}`,
        );
      }),
    );

  addShardMoveCommands(shard, io);
  addStraysCommand(shard, io);
  addDroppedShardCommands(shard, io);
  groupCommands(shard, {
    'Look:': ['list', 'busy', 'info', 'tree', 'diff', 'moves', 'dropped'],
    'Copy and repair:': ['copy', 'repair', 'strays', 'rate', 'cancel'],
    'Change by hand:': ['create', 'delete', 'undrop', 'purge', 'wrap', 'unwrap', 'mark'],
  });
}

const movesLookedAt = 1_000;

/** Refuses a shard in an active copy or repair, whose waiters rely on the shard's mark. */
async function refuseMoved({ moves }: Gizzard, ids: readonly ShardId[]): Promise<void> {
  const active = await moves.store.list({ active: true, limit: movesLookedAt });
  for (const { id: move, sources, targets, kind } of active) {
    const taken = [...sources, ...targets]
      .map(({ id }) => shardKey(id))
      .find((key) => ids.some((id) => shardKey(id) === key));
    if (taken !== undefined && kind !== 'diff')
      throw new RoostError('FailedPrecondition', `shard ${taken} is in ${kind} ${move}, which sets its mark`, {
        fields: { shard: taken },
      });
  }
}

function wrap(topology: Topology, type: string, id: ShardId, wrapper: ShardId): Change[] {
  const parents = topology.parents(topology.shard(id).id);
  const forwardings = topology.state.forwardings.filter((forwarding) => shardKey(forwarding.shard) === shardKey(id));
  return [
    { kind: 'createShard', shard: { id: wrapper, type, attributes: {}, busy: 'normal' } },
    { kind: 'addLink', link: { parent: wrapper, child: id, weight: 1 } },
    ...parents.flatMap(({ parent, weight }): Change[] => [
      { kind: 'addLink', link: { parent, child: wrapper, weight } },
      { kind: 'removeLink', parent, child: id },
    ]),
    ...forwardings.map((forwarding): Change => ({
      kind: 'setForwarding',
      forwarding: { ...forwarding, shard: wrapper },
    })),
  ];
}

function unwrap(topology: Topology, id: ShardId): Change[] {
  const key = shardKey(id);
  if (nodeType(topology.shard(id).type) === undefined)
    throw new RoostError('FailedPrecondition', `shard ${key} holds data, and cannot be unwrapped`, {
      fields: { shard: key },
    });
  const [parents, children] = [topology.parents(id), topology.children(id)];
  const forwardings = topology.state.forwardings.filter((forwarding) => shardKey(forwarding.shard) === key);
  if (parents.length + forwardings.length === 0)
    throw new RoostError('FailedPrecondition', `nothing stands above shard ${key}: delete it instead`, {
      fields: { shard: key },
    });
  const [child, second] = children;
  if (child === undefined)
    throw new RoostError('FailedPrecondition', `nothing stands below shard ${key}: delete it instead`, {
      fields: { shard: key },
    });
  if (forwardings.length > 0 && second !== undefined) {
    throw new RoostError(
      'FailedPrecondition',
      `shard ${key} has ${children.length} children, and a table forwards to it: a forwarding leads to one shard`,
      { fields: { shard: key } },
    );
  }
  return [
    ...parents.flatMap(({ parent, weight }) =>
      children.map((link): Change => ({ kind: 'addLink', link: { parent, child: link.child, weight } })),
    ),
    ...forwardings.map((forwarding): Change => ({
      kind: 'setForwarding',
      forwarding: { ...forwarding, shard: child.child },
    })),
    ...parents.map(({ parent }): Change => ({ kind: 'removeLink', parent, child: id })),
    ...children.map((link): Change => ({ kind: 'removeLink', parent: id, child: link.child })),
    { kind: 'deleteShard', id },
  ];
}

function attributeArgument(given: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name, value] = /^([a-z][A-Za-z0-9]*)=(.{1,200})$/.exec(given) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError('It must be a name, "=" and a value of at most 200 characters.');
  if (Object.hasOwn(before, name)) throw new InvalidArgumentError(`The attribute ${name} is given twice.`);
  return { ...before, [name]: value };
}

const lossOf = ({ id, type }: ShardInfo): string =>
  nodeType(type) === undefined
    ? `the data of ${shardKey(id)} (${type}) stay in their tables on ${id.hostname}, but nothing will know of them`
    : `${shardKey(id)} (${type}) goes; it holds no data`;
