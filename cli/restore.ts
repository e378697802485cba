import type { Command } from 'commander';
import { chooseBackup, planRestore, restoreCluster, timeText } from '../backup/index.js';
import { openCluster } from '../cluster/index.js';
import { RoostError } from '../core/index.js';
import { foundBackups, openVault, rateOption, ratesOf } from './console/backups.js';
import type { CliIo } from './console/cliIo.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  integerArgument,
  openConfig,
  outputFor,
} from './console/command.js';
import { momentArgument } from './console/moment.js';
import { formatCount, formatMs } from './console/output.js';
import { Progress } from './console/progress.js';

interface RestoreCommandOptions extends ConfigOptions {
  readonly at?: bigint;
  readonly of?: string;
  readonly dump?: string;
  readonly parallel: number;
  readonly maxRowsPerSecond?: number;
}

export function addRestoreCommand(program: Command, io: CliIo): void {
  defineCommand(
    program,
    'restore',
    'restore a backup into a new cluster, as it was at a moment\nThe cluster is that of the configuration, and holds nothing. Tables that it does not have are made with as many shards and replicas as they had; to have others, make graphs, users and tweets with them first. It applies the jobs itself; servers may run, but clients must wait until it is done. Killed and run again, it goes on where it was. Timelines are not restored: `roost timeline setup` makes them, and they fill as they are read.',
    'roost restore /backups --of social --at 2026-11-29T02:00:00Z',
  )
    .argument('<from>', 'where backups are kept: a folder, or s3://bucket/prefix')
    .option('--at <moment>', 'the moment (default: the latest that can be restored)', momentArgument)
    .option('--of <cluster>', 'the cluster that was backed up (default: that of the configuration)')
    .option('--dump <dump>', 'the dump to begin with (default: the newest that is early enough)')
    .option('--parallel <count>', 'objects restored at once', integerArgument(1, 64), 4)
    .addOption(rateOption())
    .addOption(configOption())
    .action(async (from: string, options: RestoreCommandOptions) => {
      const output = outputFor(io, options);
      const { config } = openConfig(io, options);
      const vault = await openVault(io, from, options.of ?? config.cluster);
      const backups = await foundBackups(vault);
      const backup = chooseBackup(vault, backups, options.at, options.dump);
      const atMicros = options.at ?? backup.untilMicros!;
      const plan = await planRestore(vault, backups, backup, atMicros);
      const startedMs = performance.now();
      let progress: Progress | undefined;
      await using cluster = await openCluster(config, io.stores, { work: true, create: true });
      const report = await restoreCluster(cluster, vault, plan, {
        at: timeText(atMicros),
        parallel: options.parallel,
        rates: ratesOf(cluster.gizzard, options.maxRowsPerSecond, 1),
        signal: io.signal,
        onPhase(phase, total) {
          progress?.stop();
          progress = new Progress(io, `restoring ${phase}`, total, output.quiet);
        },
        onDone: (count) => progress?.advance(count),
      }).finally(() => progress?.stop());
      const rows = backup.dump.objects.reduce((sum, object) => sum + object.rows, 0);
      const jobs = plan.through - backup.dump.begun.accepted;
      const elapsedMs = performance.now() - startedMs;
      const left = [
        ...Array.from(
          report.withoutTable,
          ([table, count]) => `${formatCount(count)} jobs of table ${table}, which was not there at that moment`,
        ),
        ...report.damaged.map(({ number, why }) => `job ${number}, which was damaged in the journal: ${why}`),
      ];
      output.result(
        {
          dump: backup.dump.id,
          at: timeText(atMicros),
          cluster: config.cluster,
          rows,
          jobs,
          tables: report.made,
          leftOut: left,
          already: report.already,
          failing: report.failing,
          bad: report.bad,
          elapsedMs,
        },
        () =>
          [
            report.already
              ? `cluster ${config.cluster} was restored before, to ${vault.cluster} at ${timeText(atMicros)}: nothing was done`
              : `cluster ${config.cluster} is as ${vault.cluster} was at ${timeText(atMicros)}: ${formatCount(rows)} rows and ${formatCount(jobs)} jobs of dump ${backup.dump.id}, in ${formatMs(elapsedMs)}`,
            ...left.map((line) => `left out: ${line}`),
            ...(report.failing + report.bad === 0
              ? []
              : [
                  `${formatCount(report.failing)} jobs fail, and ${formatCount(report.bad)} were given up: roost job list`,
                ]),
          ].join('\n'),
        [
          'roost check',
          'roost doctor',
          ...(backup.dump.notSaved.length === 0
            ? []
            : [`roost timeline setup (not restored: ${backup.dump.notSaved.join(', ')})`]),
        ],
      );
      if (report.damaged.length > 0)
        throw new RoostError('DataLoss', `${report.damaged.length} jobs were damaged in the journal, and are left out`);
    });
}
