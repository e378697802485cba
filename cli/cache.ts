import type { Command } from 'commander';
import { flushNodes, inspectCache, openCaches, poolStats, warmNode, type Caches, type CachePool } from '../cache/index.js';
import { RoostError } from '../core/index.js';
import type { CliIo } from './console/cliIo.js';
import { type ConfigOptions, configOption, defineCommand, defineGroup, idListArgument, integerArgument, openConfig, outputFor } from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';
import { formatCount } from './console/output.js';
import { withUsers } from './users.js';

interface InspectOptions extends ConfigOptions {
  readonly sample: number;
  readonly settleMs: number;
}

export function addCacheCommands(program: Command, io: CliIo): void {
  const cache = defineGroup(program, 'cache', 'look after the cache nodes and what they hold');

  defineCommand(cache, 'stats', 'show the nodes: which hold keys, since when, and how full they are', 'roost cache stats')
    .addOption(configOption())
    .action((options: ConfigOptions) =>
      withPools(io, options, async (pools) => {
        const nodes = (await Promise.all(pools.map(async (pool) => (await poolStats(pool)).map((each) => ({ pool: pool.options.name, ...each }))))).flat();
        const output = outputFor(io, options);
        output.result({ nodes }, () =>
          output.table(
            ['pool', 'node', 'state', 'weight', 'entries', 'MiB', 'of', 'hit rate', 'evictions'],
            nodes.map(({ pool, node, state, weight, memcached: has }) => [
              pool,
              node,
              state,
              weight === 0 ? 'gutter' : String(weight),
              ...(has === undefined
                ? ['does not answer', '', '', '', '']
                : [formatCount(has.items), mebibytes(has.bytes), mebibytes(has.maxBytes), has.gets === 0 ? '' : `${((100 * has.hits) / has.gets).toFixed(1)} %`, formatCount(has.evictions)]),
            ]),
          ),
        );
      }),
    );

  defineCommand(
    cache,
    'inspect',
    'compare cached users with the database, while both are used\nA difference counts when it stays: a write needs a moment from the one to the other. Ends with DataLoss where an entry is stale.',
    'roost cache inspect --sample 1000\nroost cache inspect 12 13',
  )
    .argument('[id...]', 'only these users (default: what the nodes hold)', idListArgument)
    .option('--sample <count>', 'entries to compare at most, at random', integerArgument(1, 10_000_000), 10_000)
    .option('--settle-ms <ms>', 'how long a difference must stay', integerArgument(10, 600_000), 5_000)
    .addOption(configOption())
    .action((ids: readonly bigint[], { sample, settleMs, ...options }: InspectOptions) =>
      withUsers(io, options, false, async ({ rows }) => {
        const report = await inspectCache(rows, BigInt, { sample, settleMs, ...(ids.length === 0 ? {} : { keys: ids }) });
        const { compared, missing, stale } = report;
        if (stale.length > 0) {
          throw new RoostError('DataLoss', `${stale.length} of ${compared} entries say something else than the database: users ${stale.slice(0, 20).map(({ key }) => key).join(', ')}`, {
            fields: { compared, stale: stale.length, users: stale.slice(0, 1_000).map(({ key }) => key).join() },
          });
        }
        outputFor(io, options).result(report, () => `${compared === 1 ? '1 entry agrees' : `${formatCount(compared)} entries agree`} with the database${missing === 0 ? '' : `; not cached: ${formatCount(missing)}`}`);
      }),
    );

  defineCommand(
    cache,
    'warm',
    'copy to a new node what its neighbours have of its keys\nA node takes entries over while it is warming, a few seconds after a server was started with it and for cache.warmSeconds.',
    'roost cache warm 10.0.0.4:11211',
  )
    .argument('<node>', 'host:port')
    .addOption(configOption())
    .action((node: string, options: ConfigOptions) =>
      withPools(io, options, async (pools) => {
        const pool = pools.find(({ nodes }) => nodes.has(node)) ?? pools[0]!;
        const report = await warmNode(pool, node);
        outputFor(io, options).result({ node, ...report }, () => `copied ${formatCount(report.copied)} entries to ${node}; ${formatCount(report.skipped)} it had already, or they are gone`);
      }),
    );

  defineCommand(cache, 'flush', 'forget everything that nodes hold, at once and for every process', 'roost cache flush 10.0.0.4:11211')
    .argument('[node...]', 'host:port (default: all)')
    .addOption(configOption())
    .addOption(yesOption())
    .action((given: readonly string[], options: ConfigOptions & ConfirmOptions) =>
      withPools(io, options, async (pools) => {
        const known = new Set(pools.flatMap(({ nodes }) => [...nodes.keys()]));
        const unknown = given.find((node) => !known.has(node));
        if (unknown !== undefined) throw new RoostError('InvalidArgument', `there is no cache node ${unknown}; there are ${[...known].join(', ')}`, { fields: { node: unknown } });
        await confirm(io, options, `flush ${given.length === 0 ? 'every cache node' : given.join(', ')}`, ['reads go to the databases until the entries are loaded again']);
        const flushed = (await Promise.all(pools.map((pool) => flushNodes(pool, given.length === 0 ? undefined : given.filter((node) => pool.nodes.has(node)))))).flat();
        outputFor(io, options).result({ flushed }, () => `flushed ${flushed.join(', ') || 'nothing'}`);
      }),
    );
}

const mebibytes = (bytes: number): string => (bytes / 1_048_576).toFixed(1);

async function withPools(io: CliIo, options: ConfigOptions, work: (pools: readonly CachePool[]) => Promise<void>): Promise<void> {
  const caches: Caches = await openCaches(openConfig(io, options).config);
  try {
    const pools = [caches.main, caches.pages].filter((pool) => pool !== undefined);
    if (pools.length === 0) throw new RoostError('FailedPrecondition', 'the configuration names no cache nodes: nothing is cached');
    await work(pools);
  } finally {
    await caches.close();
  }
}
