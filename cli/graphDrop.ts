import type { Command } from 'commander';
import { RoostError } from '../core/index.js';
import { DroppedGraphs, type PlannedGraphDrop } from '../flock/index.js';
import { type Gizzard, shardSizes, thisProcess } from '../gizzard/index.js';
import { tweetGraphNames } from '../tbird/index.js';
import type { CliIo } from './console/cliIo.js';
import { withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand, integerArgument } from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';
import { formatBytes, formatCount } from './console/output.js';

interface DropOptions extends ConfigOptions, ConfirmOptions {
  readonly breaksTweets?: true;
}

const ofTweets: ReadonlySet<string> = new Set(Object.values(tweetGraphNames));

/** Dropping graphs and restoring them, as commands of the noun `graph`. */
export function addGraphDropCommands(graph: Command, io: CliIo): void {
  defineCommand(
    graph,
    'drop',
    'take a graph away, after showing what goes\nIts tables are kept for moves.undropDays, so that `roost graph undrop` brings it back. Jobs that wait for it end without effect. Its number is not given again.',
    'roost graph drop follows',
  )
    .argument('<name>', 'its name')
    .option('--breaks-tweets', 'also one of the graphs by which tweets are found')
    .addOption(yesOption())
    .addOption(configOption())
    .action((name: string, options: DropOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        if (ofTweets.has(name) && options.breaksTweets !== true) {
          throw new RoostError(
            'FailedPrecondition',
            `graph ${name} belongs to the tweets, which are not found without it: --breaks-tweets drops it all the same`,
            { fields: { graph: name } },
          );
        }
        const graphs = new DroppedGraphs(gizzard);
        const planned = await graphs.plan(name);
        await confirm(io, options, `drop graph ${name}`, await whatGoes(gizzard, planned));
        const aside = await graphs.drop(planned, `roost graph drop, ${thisProcess()}`);
        const keptUntil = aside[0] && timeText(Math.min(...aside.map(({ keepUntilMs }) => keepUntilMs)));
        output.result(
          { graph: name, id: planned.graph.id, shards: aside.length, keptUntil },
          () =>
            `dropped graph ${name} (number ${planned.graph.id}): the tables of ${aside.length} shards are kept until ${keptUntil ?? 'no time: there were none'}`,
          [`roost graph undrop ${name}`],
        );
      }),
    );

  defineCommand(
    graph,
    'undrop',
    'bring back a graph that was dropped, as it was then\nRefused where another graph has its name by now, and where its tables are deleted for good. `roost graph list` shows those that are kept.',
    'roost graph undrop follows',
  )
    .argument('<name>', 'its name')
    .option(
      '--id <number>',
      'its number, where several of this name were dropped (default: the newest)',
      integerArgument(1, 2 ** 31 - 1),
    )
    .addOption(configOption())
    .action((name: string, { id, ...options }: ConfigOptions & { readonly id?: number }) =>
      withCluster(io, options, async (gizzard, output) => {
        const graph = await new DroppedGraphs(gizzard).undrop(name, `roost graph undrop, ${thisProcess()}`, id);
        output.result({ graph: name, id: graph.id }, () => `graph ${name} (number ${graph.id}) is back`, [
          `roost flock check ${name}`,
        ]);
      }),
    );
}

/** The data that a drop removes, one sentence each. */
async function whatGoes(gizzard: Gizzard, { graph, leaves, drop }: PlannedGraphDrop): Promise<string[]> {
  const { hosts, moves, jobs, config } = gizzard;
  const sizes = await shardSizes(hosts, leaves, (type) => moves.movableType(type));
  const byHost = new Map<string, { shards: number; rows: number; bytes: number }>();
  for (const { id } of leaves) {
    const { rows, bytes } = sizes.get(`${id.hostname}/${id.tablePrefix}`) ?? { rows: 0, bytes: 0 };
    const known = byHost.get(id.hostname) ?? { shards: 0, rows: 0, bytes: 0 };
    byHost.set(id.hostname, { shards: known.shards + 1, rows: known.rows + rows, bytes: known.bytes + bytes });
  }
  const waiting = (await jobs.queues.status()).reduce(
    (sum, { queued, failing }) => sum + queued.jobs + failing.jobs,
    0,
  );
  return [
    drop === undefined
      ? `graph ${graph.name} is out of the topology; an earlier drop left some of its tables`
      : `clients are refused graph ${graph.name} (number ${graph.id}) from now on`,
    ...Array.from(
      byHost,
      ([host, { shards, rows, bytes }]) =>
        `on ${host}: ${shards} ${shards === 1 ? 'shard' : 'shards'}, about ${formatCount(rows)} rows, ${formatBytes(bytes)}`,
    ),
    ...(waiting === 0
      ? []
      : [`${formatCount(waiting)} jobs wait in the journal: those of this graph end without effect`]),
    `\`roost graph undrop ${graph.name}\` brings it back for ${config.moves.undropDays} days`,
  ];
}

export const timeText = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
