import type { Command } from 'commander';
import { RoostError } from '../core/index.js';
import { type Gizzard, type KeptShard, shardKey, thisProcess } from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import { withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand } from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';
import { formatBytes } from './console/output.js';

interface PurgeOptions extends ConfigOptions, ConfirmOptions {
  readonly host?: string;
}

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
      const found = (await allDropped(gizzard)).map(
        ({ name, shard: { id, type }, why, droppedAtMs, keepUntilMs, bytes }) => ({
          name,
          shard: shardKey(id),
          type,
          bytes,
          droppedAt: iso(droppedAtMs),
          keptUntil: iso(keepUntilMs),
          why,
        }),
      );
      output.result(
        { dropped: found },
        () =>
          found.length === 0
            ? 'no dropped tables are kept'
            : output.table(
                ['name', 'shard', 'type', 'bytes', 'dropped', 'kept until', 'why'],
                found.map((each) => [
                  each.name,
                  each.shard,
                  each.type,
                  bytesText(each.bytes),
                  each.droppedAt,
                  each.keptUntil,
                  each.why,
                ]),
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
        const dropped = named(await allDropped(gizzard), name);
        await gizzard.undrop(dropped, `roost shard undrop, ${thisProcess()}`);
        const { id, type } = dropped.shard;
        output.result({ shard: shardKey(id), type }, () => `the tables of ${shardKey(id)} are back`, [
          `roost shard create ${type} ${shardKey(id)}`,
        ]);
      }),
    );

  define(
    'purge',
    'delete the tables of dropped shards for good, before their time, to free their room',
    'roost shard purge 20261120T220000_k3f9_follows_1_0000\nroost shard purge --host db1',
  )
    .argument('[names...]', 'as `roost shard dropped` says them')
    .option('--host <host>', 'all that this host keeps')
    .addOption(yesOption())
    .action((names: readonly string[], options: PurgeOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        if ((names.length === 0) === (options.host === undefined))
          throw new RoostError('InvalidArgument', 'either names or --host are needed, and not both');
        const wanted =
          options.host === undefined
            ? await allDropped(gizzard).then((kept) => names.map((name) => named(kept, name)))
            : await gizzard.dropped.list(options.host);
        const purged = wanted.map(({ name }) => name);
        if (wanted.length === 0) return output.result({ purged }, () => 'no dropped tables are kept');
        await confirm(
          io,
          options,
          `delete the tables of ${wanted.length} dropped ${wanted.length === 1 ? 'shard' : 'shards'} for good`,
          wanted.map(({ name, shard, bytes }) => `${name}: ${shardKey(shard.id)}, ${bytesText(bytes)}`),
        );
        for (const one of wanted) await gizzard.dropped.delete(one);
        output.result({ purged }, () => `deleted for good: ${purged.join(', ')}`);
      }),
    );
}

function named(kept: readonly KeptShard[], name: string): KeptShard {
  const found = kept.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new RoostError('NotFound', `no dropped tables are called ${JSON.stringify(name)}`, { fields: { name } });
}

const bytesText = (bytes: number | undefined): string => (bytes === undefined ? '' : formatBytes(bytes));

async function allDropped({ hosts, dropped }: Gizzard): Promise<KeptShard[]> {
  const kept = await Promise.all(hosts.names.map((name) => dropped.list(name)));
  return kept.flat().sort((a, b) => b.droppedAtMs - a.droppedAtMs);
}

const iso = (ms: number): string => new Date(ms).toISOString();
