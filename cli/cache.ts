import type { Command } from 'commander';
import {
  undrainNode,
  flushNodes,
  openCaches,
  poolStats,
  drainNode,
  warmNode,
  type Caches,
  type CachePool,
  type NodeStats,
} from '../cache/index.js';
import { RoostError } from '../core/index.js';
import { addInspectCommand } from './cacheInspect.js';
import { cacheCounts, type ServersCaches } from './cacheCounts.js';
import type { CliIo } from './console/cliIo.js';
import { withCluster } from './console/cluster.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  formerName,
  defineGroup,
  openConfig,
  outputFor,
} from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';
import { formatCount, type Output } from './console/output.js';

export function addCacheCommands(program: Command, io: CliIo): void {
  const cache = defineGroup(program, 'cache', 'look after the cache nodes and what they hold');

  defineCommand(
    cache,
    'stats',
    'show the nodes, and what the servers have counted\nOf a node: whether it holds keys, and how full it is. Of a cache: what all running servers have counted since each was started.',
    'roost cache stats',
  )
    .addOption(configOption())
    .action((options: ConfigOptions) =>
      withPools(io, options, async (pools) => {
        const nodes = (
          await Promise.all(
            pools.map(async (pool) => (await poolStats(pool)).map((each) => ({ pool: pool.options.name, ...each }))),
          )
        ).flat();
        await withCluster(io, options, async (gizzard, output) => {
          const counted = await cacheCounts(gizzard);
          output.result({ nodes, ...counted }, () =>
            [nodeTable(output, nodes), cacheTable(output, counted)].join('\n\n'),
          );
        });
      }),
    );

  addInspectCommand(cache, io);

  defineCommand(
    cache,
    'warm',
    'copy to a new node what its neighbors have of its keys\nA node takes entries over while it is warming, a few seconds after a server was started with it and for cache.warmSeconds.',
    'roost cache warm 10.0.0.4:11211',
  )
    .argument('<node>', 'host:port')
    .addOption(configOption())
    .action((node: string, options: ConfigOptions) =>
      withPools(io, options, async (pools) => {
        const report = await warmNode(poolOf(pools, node), node);
        outputFor(io, options).result(
          { node, ...report },
          () =>
            `copied ${formatCount(report.copied)} entries to ${node}; ${formatCount(report.skipped)} it had already, or they are gone`,
        );
      }),
    );

  defineCommand(
    cache,
    'flush',
    'forget everything that nodes hold, at once and for every process',
    'roost cache flush 10.0.0.4:11211',
  )
    .argument('[node...]', 'host:port (default: all)')
    .addOption(configOption())
    .addOption(yesOption())
    .action((given: readonly string[], options: ConfigOptions & ConfirmOptions) =>
      withPools(io, options, async (pools) => {
        const known = new Set(pools.flatMap(({ nodes }) => [...nodes.keys()]));
        const unknown = given.find((node) => !known.has(node));
        if (unknown !== undefined)
          throw new RoostError(
            'InvalidArgument',
            `there is no cache node ${unknown}; there are ${[...known].join(', ')}`,
            { fields: { node: unknown } },
          );
        await confirm(io, options, `flush ${given.length === 0 ? 'every cache node' : given.join(', ')}`, [
          'reads go to the databases until the entries are loaded again',
        ]);
        const flushed = (
          await Promise.all(
            pools.map((pool) =>
              flushNodes(pool, given.length === 0 ? undefined : given.filter((node) => pool.nodes.has(node))),
            ),
          )
        ).flat();
        outputFor(io, options).result({ flushed }, () => `flushed ${flushed.join(', ') || 'nothing'}`);
      }),
    );

  addUseOfNodes(cache, io);
}

function addUseOfNodes(cache: Command, io: CliIo): void {
  const drain = defineCommand(
    cache,
    'drain',
    'stop using a cache node, in every process\nIts keys belong to the other nodes until undrain, whatever the configuration says and whether or not it answers. Returns when no server uses it any more.',
    'roost cache drain 10.0.0.4:11211',
  )
    .argument('<node>', 'host:port')
    .addOption(configOption())
    .addOption(yesOption())
    .action((node: string, options: ConfigOptions & ConfirmOptions) =>
      withPools(io, options, async (pools) => {
        await confirm(io, options, `stop using cache node ${node}`, [
          'what it holds is loaded again from the databases, into the other nodes',
        ]);
        const done = await drainNode(poolOf(pools, node), node);
        outputFor(io, options).result(
          { node, state: 'gone', changed: done },
          () => (done ? `no server uses ${node} any more` : `${node} was out of use already`),
          [`roost cache undrain ${node}`],
        );
      }),
    );

  const undrain = defineCommand(
    cache,
    'undrain',
    'use a cache node again that was drained\nIt begins empty.',
    'roost cache undrain 10.0.0.4:11211',
  )
    .argument('<node>', 'host:port')
    .addOption(configOption())
    .action((node: string, options: ConfigOptions) =>
      withPools(io, options, async (pools) => {
        const done = await undrainNode(poolOf(pools, node), node);
        outputFor(io, options).result({ node, state: 'in', changed: done }, () =>
          done ? `every server uses ${node} again` : `${node} was not drained`,
        );
      }),
    );
  formerName(drain, 'take-out', io);
  formerName(undrain, 'bring-back', io);
}

/** The pool that has a node; the first pool if none has, so that its error names the node. */
const poolOf = (pools: readonly CachePool[], node: string): CachePool =>
  pools.find(({ nodes }) => nodes.has(node)) ?? pools[0]!;

function nodeTable(output: Output, nodes: readonly (NodeStats & { readonly pool: string })[]): string {
  return output.table(
    ['pool', 'node', 'state', 'weight', 'entries', 'MiB', 'of', 'hit rate', 'evictions'],
    nodes.map(({ pool, node, state, weight, memcached: has }) => [
      pool,
      node,
      state,
      weight === 0 ? 'gutter' : String(weight),
      ...(has === undefined
        ? ['does not answer', '', '', '', '']
        : [
            formatCount(has.items),
            mebibytes(has.bytes),
            mebibytes(has.maxBytes),
            share(has.hits, has.gets),
            formatCount(has.evictions),
          ]),
    ]),
  );
}

function cacheTable(output: Output, { servers, caches, ejections }: ServersCaches): string {
  if (caches.length === 0) return output.dim(servers === 0 ? 'no server runs' : 'no server has a cache');
  const table = output.table(
    [
      'cache',
      'hits',
      'misses',
      'hit rate',
      'stale',
      'lease waits',
      'bypassed',
      'too large',
      'garbage',
      'MiB read',
      'MiB written',
    ],
    caches.map(({ cache, hits, misses, stale, leaseWaits, bypassed, tooLarge, garbage, bytesRead, bytesWritten }) => [
      cache,
      ...[hits, misses].map(formatCount),
      share(hits, hits + misses),
      ...[stale, leaseWaits, bypassed, tooLarge, garbage].map(formatCount),
      mebibytes(bytesRead),
      mebibytes(bytesWritten),
    ]),
  );
  const put = Object.entries(ejections).map(([pool, count]) => `${pool} ${formatCount(count)}`);
  return `${table}\n${output.dim(`${servers === 1 ? '1 server' : `${servers} servers`}; nodes put out, by pool: ${put.join(', ')}`)}`;
}

const share = (part: number, whole: number): string => (whole === 0 ? '' : `${((100 * part) / whole).toFixed(1)} %`);
const mebibytes = (bytes: number): string => (bytes / 1_048_576).toFixed(1);

async function withPools(
  io: CliIo,
  options: ConfigOptions,
  work: (pools: readonly CachePool[]) => Promise<void>,
): Promise<void> {
  const caches: Caches = await openCaches(openConfig(io, options).config, { onlooker: true });
  try {
    const pools = [caches.main, caches.pages].filter((pool) => pool !== undefined);
    if (pools.length === 0)
      throw new RoostError('FailedPrecondition', 'the configuration names no cache nodes: nothing is cached');
    await work(pools);
  } finally {
    await caches.close();
  }
}
