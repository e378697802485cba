import { type Command, InvalidArgumentError } from 'commander';
import { RoostError } from '../core/index.js';
import {
  changePartitions,
  type Gizzard,
  type HostShare,
  merge,
  type MigrationPlan,
  type MigrationPlanner,
  moveShard,
  parseShardId,
  planTable,
  rebalanceHosts,
  rebalanceTemplates,
  type ShardId,
  split,
  type Template,
  transform,
  transformTree,
} from '../gizzard/index.js';
import { beginPlans, planOptions, type PlanOptions } from './console/beginPlans.js';
import type { CliIo } from './console/cliIo.js';
import { change, reportChange, shardArgument, tableArgument, withCluster } from './console/cluster.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  integerArgument,
  nameListArgument,
} from './console/command.js';
import {
  baseArgument,
  chosenTables,
  completed,
  tablesOption,
  type TablesOption,
  templateArgument,
  templateListArgument,
} from './console/templates.js';

type TreesOptions = PlanOptions & TablesOption;

interface CreateTableOptions extends ConfigOptions {
  readonly name: string;
  readonly shards: number;
  readonly hash: string;
  readonly service: string;
}

/**
 * The commands that change the shape of trees in service: each plans, shows the plan, asks, and leaves the work to
 * the servers.
 */
export function addTransformCommands(program: Command, io: CliIo): void {
  const define = (name: string, description: string, example: string): Command =>
    planOptions(defineCommand(program, name, description, example));
  const carryOut = (
    options: PlanOptions,
    plan: (
      planner: MigrationPlanner,
      tables: readonly number[],
      whole: (template: Template) => Template,
    ) => MigrationPlan[],
  ): Promise<void> =>
    withCluster(io, options, async (gizzard, output) => {
      const planner = await gizzard.migrations.planner();
      let plans: MigrationPlan[];
      try {
        plans = plan(planner, chosenTables(gizzard, options as TablesOption), (template) =>
          completed(gizzard, template),
        );
      } catch (error) {
        throw await heldByMigration(gizzard, RoostError.from(error));
      }
      await beginPlans(io, options, gizzard, output, plans);
    });

  define(
    'transform',
    'turn every tree of one shape into another\nThe new shards are filled and compared while both are written; until the cleanup there is a way back.',
    "roost transform 'replicating(flock(db1))' 'replicating(flock(db1), flock(db2))' --tables 1,-1",
  )
    .argument('<from>', 'the shape that trees have', templateArgument(io))
    .argument('<to>', 'the shape that they should have', templateArgument(io))
    .addOption(tablesOption())
    .action((from: Template, to: Template, options: TreesOptions) =>
      carryOut(options, (planner, tables, whole) => transform(planner, tables, whole(from), whole(to))),
    );

  define(
    'transform-tree',
    'turn the trees that hold some shards into another shape',
    "roost transform-tree 'replicating(flock(db2))' localhost/follows_forward_0000_root",
  )
    .argument('<to>', 'the shape that they should have', templateArgument(io))
    .argument(
      '<shards...>',
      'host/prefix of a shard of each tree',
      (text: string, before: readonly ShardId[] | undefined) => [...(before ?? []), parseShardId(text)],
    )
    .action((to: Template, shards: readonly ShardId[], options: PlanOptions) =>
      carryOut(options, (planner, _tables, whole) =>
        shards.flatMap((shard) => transformTree(planner, shard, whole(to))),
      ),
    );

  define('move', 'move a shard to another host', 'roost move db1/follows_forward_0000 db3')
    .argument('<shard>', 'host/prefix', shardArgument)
    .argument('<host>', 'where it should live')
    .action((shard: ShardId, host: string, options: PlanOptions) =>
      carryOut(options, (planner) => moveShard(planner, shard, host)),
    );

  define('split', 'split the keys of a tree in two, or more', 'roost split 1 0 --at 576460752303423488')
    .argument('<table>', 'the number of the table', tableArgument)
    .argument('<base>', 'the base of the tree, as `roost forwarding list` shows it', baseArgument)
    .option('--at <hash,...>', 'where (default: in the middle)', (text: string) =>
      text.split(',').map((one) => baseArgument(one.trim())),
    )
    .option(
      '--shape <template>',
      'the shape of a part, repeated for each in turn (default: that of the tree)',
      templateListArgument(io),
    )
    .action(
      (
        tableId: number,
        baseId: bigint,
        {
          at,
          shape,
          ...options
        }: PlanOptions & { readonly at?: readonly bigint[]; readonly shape?: readonly Template[] },
      ) =>
        carryOut(options, (planner, _tables, whole) =>
          split(
            planner,
            { tableId, baseId },
            { ...(at === undefined ? {} : { at }), ...(shape === undefined ? {} : { shapes: shape.map(whole) }) },
          ),
        ),
    );

  define('merge', 'merge a tree with those that follow it into one', 'roost merge 1 0')
    .argument('<table>', 'the number of the table', tableArgument)
    .argument('<base>', 'the base of the first tree', baseArgument)
    .option('--trees <count>', 'how many trees', integerArgument(2, 10_000), 2)
    .option('--shape <template>', 'the shape of the new tree (default: that of the first)', templateArgument(io))
    .action(
      (
        tableId: number,
        baseId: bigint,
        { trees, shape, ...options }: PlanOptions & { readonly trees: number; readonly shape?: Template },
      ) =>
        carryOut(options, (planner, _tables, whole) =>
          merge(planner, { tableId, baseId }, trees, shape && whole(shape)),
        ),
    );

  define(
    'rebalance',
    'spread shards over hosts, or trees over shapes, by weights and with the fewest copies\nWith --hosts every tree keeps its shape, and hosts that are not named are emptied. Otherwise every tree gets one of the shapes.',
    "roost rebalance --hosts db1,db2,db3=2\nroost rebalance 'replicating(flock(db1), flock(db2)) * 3' 'flock(db3)'",
  )
    .argument('[shapes...]', 'shapes, each with its weight behind a *', templateListArgument(io))
    .option('--hosts <name[=weight],...>', 'hosts and their weights', hostShares)
    .addOption(tablesOption())
    .action(
      (
        shapes: readonly Template[],
        { hosts, ...options }: TreesOptions & { readonly hosts?: readonly HostShare[] },
      ) => {
        if ((hosts === undefined) === (shapes.length === 0))
          throw new RoostError('InvalidArgument', 'either --hosts or shapes are needed, and not both');
        return carryOut(options, (planner, tables, whole) =>
          hosts === undefined
            ? rebalanceTemplates(
                planner,
                tables,
                shapes.map((template) => ({ template: whole(template), weight: template.weight })),
              )
            : rebalanceHosts(planner, tables, hosts),
        );
      },
    );

  define(
    'add-partition',
    'give trees further shapes, all of one weight, and rebalance',
    "roost add-partition 'replicating(flock(db3), flock(db4))'",
  )
    .argument('<shapes...>', 'the new shapes', templateListArgument(io))
    .addOption(tablesOption())
    .action((add: readonly Template[], options: TreesOptions) =>
      carryOut(options, (planner, tables, whole) => changePartitions(planner, tables, { add: add.map(whole) })),
    );

  define(
    'remove-partition',
    'take shapes away from trees, and rebalance over those that are left',
    "roost remove-partition 'replicating(flock(db3), flock(db4))'",
  )
    .argument('<shapes...>', 'the shapes that no tree should have', templateListArgument(io))
    .addOption(tablesOption())
    .action((remove: readonly Template[], options: TreesOptions) =>
      carryOut(options, (planner, tables, whole) => changePartitions(planner, tables, { remove: remove.map(whole) })),
    );

  defineCommand(
    program,
    'create-table',
    'make a table: its forwardings, its trees and their tables on the hosts\nA graph needs two, its number and the number negated; `roost graph create` makes both.',
    "roost create-table 7 'replicating(flock(db1), flock(db2))' --name likes --shards 8",
  )
    .argument('<table>', 'its number', tableArgument)
    .argument('<shapes...>', 'shapes of the trees, each with its weight behind a *', templateListArgument(io))
    .requiredOption('--name <name>', 'letters, digits and _')
    .option('--shards <count>', 'trees', integerArgument(1, 10_000), 8)
    .option('--hash <hash>', 'how keys are hashed: fnv1a64, byteSwap or identity', 'fnv1a64')
    .option('--service <store>', 'whose it is', io.stores[0]?.name)
    .addOption(configOption())
    .action(
      (tableId: number, shapes: readonly Template[], { name, shards, hash, service, ...options }: CreateTableOptions) =>
        withCluster(io, options, async (gizzard, output) => {
          if (!/^[A-Za-z][A-Za-z0-9_]{0,31}$/.test(name))
            throw new InvalidArgumentError(
              "A table's name starts with a letter and holds at most 32 letters, digits and _.",
            );
          const changes = planTable(
            gizzard.topology,
            { tableId, name, service, hash },
            shards,
            shapes.map((template) => ({ template: completed(gizzard, template), weight: template.weight })),
          );
          reportChange(
            output,
            await change(gizzard, 'create-table', changes),
            { table: tableId, name, shards },
            `made table ${tableId} (${name}) of ${shards} trees`,
            ['roost topology'],
          );
        }),
    );
}

/** A shard often cannot be planned for because a settled migration still has both its sides; names that migration. */
async function heldByMigration({ migrations }: Gizzard, error: RoostError): Promise<RoostError> {
  const { shard } = error.fields;
  const migration =
    error.code === 'FailedPrecondition' && shard !== undefined
      ? (await migrations.reservations()).get(shard)
      : undefined;
  if (migration === undefined) return error;
  return new RoostError(
    'FailedPrecondition',
    `shard ${shard} is in migration ${migration}: \`roost migrations cleanup ${migration}\` or \`rollback ${migration}\` comes first`,
    { fields: { ...error.fields, migration }, cause: error },
  );
}

/** `db1,db2=3`: without a weight it is 1. */
function hostShares(text: string): readonly HostShare[] {
  return nameListArgument(text).map((part) => {
    const [hostname = '', weight = '1'] = part.split('=');
    if (!/^\d+(\.\d+)?$/.test(weight))
      throw new InvalidArgumentError(`The weight of ${hostname} must be a number of 0 or more.`);
    return { hostname, weight: Number(weight) };
  });
}
