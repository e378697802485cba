import type { Command } from 'commander';
import { RoostError } from '../core/index.js';
import { type DroppedShard, type Gizzard, shardKey, thisProcess } from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import { withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand } from './console/command.js';

/** Shards whose tables were dropped and are kept for a while, as commands of the noun `shard`. */
export function addDroppedShardCommands(shard: Command, io: CliIo): void {
  const define = (name: string, description: string, example: string): Command =>
    defineCommand(shard, name, description, example).addOption(configOption());

  define(
    'dropped',
    'list the shards whose tables were dropped and are still kept (moves.undropDays)',
    'roost shard dropped',
  ).action((options: ConfigOptions) =>
    withCluster(io, options, async (gizzard, output) => {
      const found = (await allDropped(gizzard)).map(({ name, shard: { id, type }, why, droppedAtMs, keepUntilMs }) => ({
        name,
        shard: shardKey(id),
        type,
        droppedAt: iso(droppedAtMs),
        keptUntil: iso(keepUntilMs),
        why,
      }));
      output.result(
        { dropped: found },
        () =>
          found.length === 0
            ? 'no dropped tables are kept'
            : output.table(
                ['name', 'shard', 'type', 'dropped', 'kept until', 'why'],
                found.map((each) => [each.name, each.shard, each.type, each.droppedAt, each.keptUntil, each.why]),
              ),
        found.length === 0 ? [] : [`roost shard undrop ${found[0]!.name}`],
      );
    }),
  );

  define(
    'undrop',
    'give the tables of a dropped shard their names back\nThe shard itself is made again with `roost shard create` or `roost audit undo`.',
    'roost shard undrop 20261120T220000_k3f9_follows_1_0000',
  )
    .argument('<name>', 'as `roost shard dropped` says it')
    .action((name: string, options: ConfigOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const dropped = (await allDropped(gizzard)).find((one) => one.name === name);
        if (dropped === undefined)
          throw new RoostError('NotFound', `no dropped tables are called ${JSON.stringify(name)}`, {
            fields: { name },
          });
        await gizzard.undrop(dropped, `roost shard undrop, ${thisProcess()}`);
        const { id, type } = dropped.shard;
        output.result({ shard: shardKey(id), type }, () => `the tables of ${shardKey(id)} are back`, [
          `roost shard create ${type} ${shardKey(id)}`,
        ]);
      }),
    );
}

async function allDropped({ hosts, dropped }: Gizzard): Promise<DroppedShard[]> {
  const kept = await Promise.all(hosts.names.map((name) => dropped.list(name)));
  return kept.flat().sort((a, b) => b.droppedAtMs - a.droppedAtMs);
}

const iso = (ms: number): string => new Date(ms).toISOString();
