import { type Command } from 'commander';
import {
  followedDump,
  followJournal,
  planPrune,
  prune,
  runDump,
  timeText,
  type Vault,
  verifyBackups,
  type Backup,
  type Backups,
  type PrunePlan,
} from '../backup/index.js';
import { type Cluster, openCluster, type Store } from '../cluster/index.js';
import { RoostError } from '../core/index.js';
import { foundBackups, openVault, rateOption, ratesOf } from './console/backups.js';
import type { CliIo } from './console/cliIo.js';
import { withCluster } from './console/cluster.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  defineGroup,
  integerArgument,
  openConfig,
  outputFor,
} from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';
import { durationArgument } from './console/duration.js';
import { formatBytes, formatCount, formatMs, type Output } from './console/output.js';
import { packageVersion } from './console/packageVersion.js';
import { Progress } from './console/progress.js';

interface PlaceOptions extends ConfigOptions {
  readonly of?: string;
}
interface RunOptions extends ConfigOptions {
  readonly follow?: true;
  readonly every: number;
  readonly parallel: number;
  readonly maxRowsPerSecond?: number;
}

interface PruneOptions extends PlaceOptions, ConfirmOptions {
  readonly keep?: number;
  readonly newerThan?: number;
}

/** How often `--follow` prints progress. */
const sayEveryMs = 10_000;

export function addBackupCommands(program: Command, io: CliIo): void {
  const backup = defineGroup(program, 'backup', 'back a cluster up, and look at what can be restored');

  defineCommand(
    backup,
    'run',
    'dump the cluster while writes go on\nOne replica of each tree is read, page by page, at the pace of a move; all jobs that the journal accepts meanwhile are kept beside the rows. The end of the dump is the earliest moment that it can be restored to. A dump that was killed goes on where it was when the same command comes again.',
    'roost backup run /backups',
  )
    .argument('<to>', 'where backups are kept: a folder, or s3://bucket/prefix')
    .option(
      '--follow',
      'go on behind the dump, until SIGTERM or Ctrl-C: keep every job that the journal accepts, and say how much would be lost; without a dump where there is one behind which no job is missing',
    )
    .option(
      '--every <duration>',
      'with --follow, how often jobs are written: what is lost at most if everything burns down',
      durationArgument,
      5_000,
    )
    .option('--parallel <count>', 'trees read at once', integerArgument(1, 64), 4)
    .addOption(rateOption())
    .addOption(configOption())
    .action(async (to: string, options: RunOptions) => {
      const output = outputFor(io, options);
      const { config } = openConfig(io, options);
      const vault = await openVault(io, to, config.cluster);
      await using cluster = await openCluster(config, io.stores);
      const followed = options.follow === true ? await followedDump(vault, cluster.gizzard.jobs.archive) : undefined;
      if (followed === undefined) await dump(io, output, options, cluster, vault);
      else output.note(`going on behind dump ${followed.dump.id}`);
      if (options.follow === true) await follow(io, output, options, cluster, vault);
    });

  defineCommand(
    backup,
    'list',
    'show the dumps in a place, and the moments that each can be restored to',
    'roost backup list /backups',
  )
    .argument('<from>', 'where backups are kept')
    .option('--of <cluster>', 'the cluster that was backed up (default: that of the configuration)')
    .addOption(configOption())
    .action(async (from: string, options: PlaceOptions) => {
      const output = outputFor(io, options);
      const vault = await openVault(io, from, options.of ?? openConfig(io, options).config.cluster);
      const backups = await foundBackups(vault);
      output.result(viewOf(backups), () => listText(output, backups), []);
    });

  defineCommand(
    backup,
    'verify',
    'read every object of the backups in a place, and compare it with its checksum\nIt also looks for objects and jobs that are missing, and says which moments can be restored. It fails where something is wrong, and names it.',
    'roost backup verify /backups',
  )
    .argument('<from>', 'where backups are kept')
    .argument('[dump]', 'only this dump, and the jobs behind it')
    .option('--of <cluster>', 'the cluster that was backed up (default: that of the configuration)')
    .addOption(configOption())
    .action(async (from: string, dump: string | undefined, options: PlaceOptions) => {
      const output = outputFor(io, options);
      const vault = await openVault(io, from, options.of ?? openConfig(io, options).config.cluster);
      const backups = await foundBackups(vault);
      if (dump !== undefined && !backups.whole.some((each) => each.dump.id === dump))
        throw new RoostError('NotFound', `there is no whole dump ${dump} of cluster ${vault.cluster} in ${vault.url}`);
      const progress = new Progress(io, 'verifying objects', backups.objects.length, output.quiet);
      const report = await verifyBackups(vault, backups, {
        dump,
        signal: io.signal,
        onObject: () => progress.advance(1),
      }).finally(() => progress.stop());
      const dumps = report.dumps.map(({ dump: id, fromMicros, untilMicros }) => ({
        dump: id,
        from: timeText(fromMicros),
        until: untilMicros === undefined ? undefined : timeText(untilMicros),
      }));
      output.result({ ...report, dumps }, () =>
        [
          `${formatCount(report.objects)} objects, ${formatBytes(report.bytes)}: ${report.faults.length === 0 ? 'all are as they were written, and none is missing' : `${report.faults.length} faults`}`,
          ...report.faults.map((fault) => `  ${fault}`),
          ...dumps.map(({ dump: id, from: earliest, until }) =>
            until === undefined
              ? `dump ${id} cannot be restored`
              : `dump ${id} can be restored to any moment from ${earliest} to ${until}`,
          ),
        ].join('\n'),
      );
      if (report.faults.length > 0)
        throw new RoostError(
          'DataLoss',
          `${report.faults.length} faults in the backups of ${vault.url}: ${report.faults[0]!}`,
        );
    });

  defineCommand(
    backup,
    'prune',
    'remove old dumps, and what only they need of the journal\nA dump stays where either rule keeps it. The newest that can be restored always stays.',
    'roost backup prune /backups --keep 7 --newer-than 30d',
  )
    .argument('<from>', 'where backups are kept')
    .option('--keep <count>', 'keep the newest so many dumps', integerArgument(1, 10_000))
    .option('--newer-than <duration>', 'keep dumps that are not older', durationArgument)
    .option('--of <cluster>', 'the cluster that was backed up (default: that of the configuration)')
    .addOption(yesOption())
    .addOption(configOption())
    .action(async (from: string, options: PruneOptions) => {
      const output = outputFor(io, options);
      if (options.keep === undefined && options.newerThan === undefined)
        throw new RoostError('InvalidArgument', 'say which dumps stay: --keep, --newer-than, or both');
      const vault = await openVault(io, from, options.of ?? openConfig(io, options).config.cluster);
      const plan = planPrune(await foundBackups(vault), {
        keep: options.keep,
        newerThanMicros: options.newerThan === undefined ? undefined : BigInt(Date.now() - options.newerThan) * 1_000n,
      });
      const bytes = plan.objects.reduce((sum, object) => sum + object.bytes, 0);
      if (plan.objects.length > 0)
        await confirm(io, options, `remove ${plan.dumps.length} dumps`, [
          ...plan.dumps.map((id) => `dump ${id} is gone`),
          `${plan.objects.length} objects, ${formatBytes(bytes)}, are removed; the earliest moment that can be restored is ${earliestOf(plan)} then`,
        ]);
      await prune(vault, plan, io.signal);
      output.result(
        { removed: plan.dumps, objects: plan.objects.length, bytes, kept: plan.kept.map((each) => each.dump.id) },
        () =>
          `removed ${plan.dumps.length} dumps (${formatCount(plan.objects.length)} objects, ${formatBytes(bytes)}); ${plan.kept.length} stay`,
      );
    });

  defineCommand(
    backup,
    'stop',
    'end the archive of the journal, which `run --follow` began\nJobs that are accepted from then on are in no backup, until a dump begins it again.',
    'roost backup stop --yes',
  )
    .addOption(yesOption())
    .addOption(configOption())
    .action((options: ConfigOptions & ConfirmOptions) =>
      withCluster(io, options, async ({ jobs: { archive } }, output) => {
        const { to, jobs } = await archive.look();
        if (to !== '')
          await confirm(io, options, 'end the archive of the journal', [
            `what is accepted from now on is in no backup of ${to}`,
            ...(jobs === 0 ? [] : [`${formatCount(jobs)} jobs that are not there yet never will be`]),
          ]);
        await archive.end();
        output.result({ ended: to !== '', to }, () =>
          to === '' ? 'the journal is not archived' : `the journal is not archived to ${to} any more`,
        );
      }),
    );
}

const earliestOf = ({ kept }: PrunePlan): string =>
  kept[0] === undefined ? 'none' : timeText(kept[0].dump.ended.micros);

async function dump(
  io: CliIo,
  output: Output,
  options: RunOptions,
  cluster: Cluster<readonly Store[]>,
  vault: Vault,
): Promise<void> {
  const startedMs = performance.now();
  const progress = new Progress(io, 'dumping', undefined, output.quiet);
  const { whole, rowsBefore, untilMicros } = await runDump(cluster, vault, {
    release: packageVersion(),
    follow: options.follow === true,
    parallel: options.parallel,
    rates: ratesOf(cluster.gizzard, options.maxRowsPerSecond, options.parallel),
    signal: io.signal,
    onRows: (rows) => progress.advance(rows),
  }).finally(() => progress.stop());
  const rows = whole.objects.reduce((sum, object) => sum + object.rows, 0);
  const bytes = whole.objects.reduce((sum, object) => sum + object.bytes, 0);
  const [from, until] = [timeText(whole.ended.micros), timeText(untilMicros)];
  const elapsedMs = performance.now() - startedMs;
  output.result(
    { dump: whole.id, to: vault.url, rows, rowsBefore, bytes, from, until, notSaved: whole.notSaved, elapsedMs },
    () =>
      [
        `dump ${whole.id} of cluster ${vault.cluster} is whole: ${formatCount(rows)} rows in ${formatBytes(bytes)}, in ${formatMs(elapsedMs)}`,
        ...(rowsBefore === 0 ? [] : [`${formatCount(rowsBefore)} of the rows are of an earlier run`]),
        `it can be restored to any moment from ${from} to ${until}`,
        ...(whole.notSaved.length === 0 ? [] : [`not in it: ${whole.notSaved.join(', ')}`]),
      ].join('\n'),
    [`roost backup verify ${vault.url}`],
  );
}

async function follow(
  io: CliIo,
  output: Output,
  { every }: RunOptions,
  cluster: Cluster<readonly Store[]>,
  vault: Vault,
): Promise<void> {
  let saidMs = -Infinity;
  await followJournal(cluster, vault, {
    everyMs: every,
    signal: io.signal,
    onStep({ jobs, untilMicros, lossMs }) {
      if (performance.now() - saidMs < sayEveryMs) return;
      saidMs = performance.now();
      const until = timeText(untilMicros);
      output.result(
        { until, jobs, lossSeconds: lossMs / 1_000 },
        () =>
          `every job is kept until ${until}; had everything burnt down before it was, ${formatMs(lossMs)} would have been lost`,
      );
    },
    onTrouble: (error) => io.stderr.write(`the journal's jobs wait, and are tried again: ${error.message}\n`),
  });
}

const viewOf = ({ whole, unfinished, segments, objects }: Backups) => ({
  dumps: whole.map(({ dump, bytes, gap, untilMicros }) => ({
    dump: dump.id,
    from: timeText(dump.ended.micros),
    until: untilMicros === undefined ? undefined : timeText(untilMicros),
    rows: dump.objects.reduce((sum, { rows }) => sum + rows, 0),
    bytes,
    missingJobs: gap,
  })),
  unfinished: unfinished.map(({ id }) => id),
  journal: {
    segments: segments.length,
    bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
  },
  bytes: objects.reduce((sum, { bytes }) => sum + bytes, 0),
});

function listText(output: Output, backups: Backups): string {
  const { whole, unfinished, segments } = backups;
  if (whole.length + unfinished.length === 0) return 'there are no dumps';
  const rows = whole.map(({ dump, bytes, gap, untilMicros }: Backup) => [
    dump.id,
    timeText(dump.ended.micros),
    untilMicros === undefined ? 'nothing' : timeText(untilMicros),
    dump.objects.reduce((sum, object) => sum + object.rows, 0),
    formatBytes(bytes),
    gap === undefined ? '' : `jobs ${gap.from} to ${gap.to} are missing`,
  ]);
  return [
    ...(rows.length === 0 ? [] : [output.table(['dump', 'restorable from', 'to', 'rows', 'size', ''], rows)]),
    ...unfinished.map(({ id }) => `dump ${id} is not whole`),
    `${formatCount(segments.length)} segments of the journal, ${formatBytes(segments.reduce((sum, { bytes }) => sum + bytes, 0))}`,
  ].join('\n');
}
