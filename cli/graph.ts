import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { portOf } from '../cluster/index.js';
import { DroppedGraphs, type Flock, flockStore, openFlock } from '../flock/index.js';
import type { RoostConfig } from '../process/index.js';
import { connect } from '../sdk/index.js';
import type { CliIo } from './console/cliIo.js';
import { addGraphDropCommands, timeText } from './graphDrop.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  defineGroup,
  integerArgument,
  nameListArgument,
  openConfig,
  outputFor,
} from './console/command.js';

interface CreateOptions extends ConfigOptions {
  readonly shards: number;
  readonly replicas: number;
  readonly hosts?: readonly string[];
  readonly id?: number;
}

export function addGraphCommands(program: Command, io: CliIo): void {
  const graph = defineGroup(program, 'graph', 'make, list and drop graphs');

  defineCommand(
    graph,
    'create',
    'make a graph: its shards, in both directions, and their tables',
    'roost graph create follows --shards 8 --replicas 2',
  )
    .argument('<name>', 'letters, digits and _')
    .option('--shards <count>', 'shards in each direction', integerArgument(1, 10_000), 8)
    .option('--replicas <count>', 'copies of each shard, each on another host', integerArgument(1, 32), 2)
    .option('--hosts <name,...>', 'database hosts to spread the shards over (default: all)', nameListArgument)
    .option(
      '--id <number>',
      "the graph's number on the wire (default: the next free one)",
      integerArgument(1, 2 ** 31 - 1),
    )
    .addOption(configOption())
    .action(async (name: string, { shards, replicas, hosts, id, ...options }: CreateOptions) => {
      const { config } = openConfig(io, options);
      await withFlock(config, { create: true }, async (flock) => {
        const made = await flock.createGraph(name, {
          shards,
          replicas,
          ...(hosts === undefined ? {} : { hosts }),
          ...(id === undefined ? {} : { id }),
        });
        await untilServed(config, name);
        outputFor(io, options).result(
          { ...made, shards, replicas },
          () =>
            `made graph ${made.name} (number ${made.id}): ${shards} forward and ${shards} backward shards, ${replicas} ${replicas === 1 ? 'copy' : 'copies'} of each`,
        );
      });
    });

  defineCommand(graph, 'list', 'list the graphs', 'roost graph list')
    .addOption(configOption())
    .action(async (options: ConfigOptions) => {
      await withFlock(openConfig(io, options).config, { create: false }, async (flock) => {
        const graphs = flock.graphs().map(({ id, name }) => {
          const routes = flock.gizzard.topology.routes(id);
          const hosts = new Set(routes.flatMap((route) => route.leaves.map((leaf) => leaf.shard.id.hostname)));
          return { id, name, shards: routes.length, hosts: [...hosts].sort() };
        });
        const dropped = (await new DroppedGraphs(flock.gizzard).list()).map(
          ({ id, name, droppedAtMs, keepUntilMs }) => ({
            id,
            name,
            droppedAt: timeText(droppedAtMs),
            keptUntil: timeText(keepUntilMs),
          }),
        );
        const output = outputFor(io, options);
        output.result({ graphs, dropped }, () =>
          [
            graphs.length === 0
              ? 'there are no graphs; `roost graph create NAME` makes one'
              : output.table(
                  ['number', 'name', 'shards a direction', 'hosts'],
                  graphs.map(({ id, name, shards, hosts }) => [id, name, shards, hosts.join(' ')]),
                ),
            ...(dropped.length === 0
              ? []
              : [
                  '',
                  output.bold('dropped'),
                  output.table(
                    ['number', 'name', 'dropped', 'kept until'],
                    dropped.map(({ id, name, droppedAt, keptUntil }) => [id, name, droppedAt, keptUntil]),
                  ),
                ]),
          ].join('\n'),
        );
      });
    });

  addGraphDropCommands(graph, io);
}

/**
 * The graphs as a library: reading or changing the topology needs no server. With `create`, sets up the name server
 * if there is none.
 */
export async function withFlock<T>(
  config: RoostConfig,
  options: { readonly create: boolean },
  work: (flock: Flock) => Promise<T>,
): Promise<T> {
  const flock = await openFlock(config, options);
  try {
    return await work(flock);
  } finally {
    await flock.close();
  }
}

const servedWithinMs = 5_000;

/**
 * Waits until a running server has the graph, so that the next command finds it. A server sees a new graph when it
 * next reloads the name server.
 */
async function untilServed(config: RoostConfig, name: string): Promise<void> {
  const port = portOf(config, flockStore);
  if (port === 0) return;
  const roost = await connect({ servers: [`${config.server.host}:${port}`], deadlineMs: 200 }).catch(() => undefined);
  if (roost === undefined) return;
  try {
    const endMs = performance.now() + servedWithinMs;
    while (performance.now() < endMs && !(await roost.graphs()).some((graph) => graph.name === name)) await sleep(50);
  } finally {
    await roost.close();
  }
}
