import type { Command } from 'commander';
import { thisProcess, shardKey, type PendingUpgrade } from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import { withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand } from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';
import { Progress } from './console/progress.js';

export function addUpgradeCommand(program: Command, io: CliIo): void {
  defineCommand(
    program,
    'upgrade',
    'bring the tables of a cluster to the schema of this release, while it serves\nTo be run once every server is of this release: servers that do not know a new schema do not write such shards, and do not start on such a name server. Stopped anywhere, it goes on from there when it is run again.',
    'roost upgrade --plan',
  )
    .option('--plan', 'only show what is behind')
    .addOption(configOption())
    .addOption(yesOption())
    .action((options: ConfigOptions & ConfirmOptions & { readonly plan?: true }) =>
      withCluster(io, options, async ({ upgrades }, output) => {
        await upgrades.requireKnown();
        const plan = await upgrades.plan();
        const shown = plan.map(({ host, shard, from, to, steps }) => ({
          host,
          shard: shard === undefined ? undefined : shardKey(shard.id),
          from,
          to,
          steps,
        }));
        const table = (): string =>
          output.table(
            ['host', 'what', 'from', 'to', 'steps'],
            plan.map((upgrade) => [
              upgrade.host,
              whatOf(upgrade),
              String(upgrade.from),
              String(upgrade.to),
              upgrade.steps.join('; '),
            ]),
          );
        if (options.plan === true || plan.length === 0) {
          output.result(
            { pending: shown },
            () => (plan.length === 0 ? 'everything has the schema of this release' : table()),
            plan.length === 0 ? [] : ['roost upgrade'],
          );
          return;
        }
        await confirm(io, options, `upgrade ${plan.length} ${plan.length === 1 ? 'schema' : 'schemas'}`, [
          'servers of earlier releases write upgraded shards no more, and do not start again',
        ]);
        const progress = new Progress(io, 'schemas upgraded', plan.length, output.quiet);
        await upgrades
          .run(plan, `roost upgrade, ${thisProcess()}`, { signal: io.signal, onDone: () => progress.advance(1) })
          .finally(() => progress.stop());
        output.result({ upgraded: shown }, table, ['roost doctor']);
      }),
    );
}

const whatOf = ({ shard }: PendingUpgrade): string =>
  shard === undefined ? 'name server' : `${shard.type} ${shard.id.tablePrefix}`;
