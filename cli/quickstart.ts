import type { Command } from 'commander';
import { RoostError } from '../core/index.js';
import type { CliIo } from './console/cliIo.js';
import { type CommonOptions, defineCommand, integerArgument, outputFor } from './console/command.js';
import { formatCount, formatMs, type Output } from './console/output.js';
import type { DegreeMismatch } from './quickstart/compareDegrees.js';
import type { QuickstartReport } from './quickstart/quickstartReport.js';
import { runQuickstart } from './quickstart/runQuickstart.js';

interface Options extends CommonOptions {
  readonly keep?: true;
  readonly seed: number;
  readonly dir?: string;
}

export function addQuickstartCommand(program: Command, io: CliIo): void {
  defineCommand(
    program,
    'quickstart',
    'see all of it work on this machine\nIt starts private servers, makes the graph `follows`, loads an edge list through a server, looks around, compares every degree with the file, delivers tweets to home timelines, and stops everything.',
    'roost quickstart\nroost quickstart edges.txt.gz --keep',
  )
    .argument('[file]', 'an edge list, plain or gzip (default: a generated graph of 50,000 edges)')
    .option('--seed <number>', 'the seed of the generated graph', integerArgument(0, 2 ** 31 - 1), 1)
    .option('--keep', 'leave the servers up, and say how to use and stop them')
    .option('--dir <dir>', 'where they keep everything (default: a temporary folder; .roost with --keep)')
    .action(async (file: string | undefined, { seed, keep, dir, ...common }: Options) => {
      const output = outputFor(io, common);
      const report = await runQuickstart(io, output, {
        seed,
        keep: keep === true,
        ...(file === undefined ? {} : { file }),
        ...(dir === undefined ? {} : { dir }),
      });
      output.result(report, () => summary(report, output));
      const { mismatchCount, mismatches } = report.comparison;
      if (mismatchCount > 0)
        throw new RoostError(
          'DataLoss',
          `${formatCount(mismatchCount)} degrees differ from the file:\n${mismatches.map(mismatchLine).join('\n')}`,
        );
    });
}

const mismatchLine = ({ id, direction, inFile, inGraph }: DegreeMismatch): string =>
  `  user ${id}, ${direction}: ${inFile} in the file, ${inGraph} in the graph`;

function summary({ load, tour, timelines, stepMs, kept }: QuickstartReport, output: Output): string {
  const totalMs = Object.values(stepMs).reduce((sum, ms) => sum + ms, 0);
  const measured = [
    ['accepted over RPC', `${formatCount(load.edgesPerSecond)} edges/s`],
    ['readable everywhere', `${formatCount(load.materializedPerSecond)} edges/s`],
    ['acknowledgment of 1,000 edges', spread(load.acknowledgmentMs)],
    ['a single contains', spread(tour.containsMs)],
    [
      `deliveries to ${formatCount(timelines.readers)} home timelines`,
      `${formatCount(timelines.deliveriesPerSecond)} a second`,
    ],
    ['time from a tweet to a follower', spread(timelines.timeToDeliverMs)],
    ['home pages of 20 tweets', `${formatCount(timelines.pagesPerSecond)} a second, ${spread(timelines.pageMs)}`],
    ['all of it', formatMs(totalMs)],
  ];
  return [
    output.table(['measured', 'here and now'], measured),
    '',
    ...(kept === undefined ? ['stopped everything'] : keptLines(kept, timelines.author)),
  ].join('\n');
}

const spread = ({ p50, p99 }: { readonly p50: number; readonly p99: number }): string =>
  `p50 ${formatMs(p50)}, p99 ${formatMs(p99)}`;

function keptLines({ dir, configPath, server }: NonNullable<QuickstartReport['kept']>, reader: bigint): string[] {
  const config = dir.endsWith('/.roost') ? '' : ` --config ${configPath}`;
  return [
    `The cluster is up in ${dir}. Try:`,
    `  npx roost flock page follows 1${config}`,
    `  npx roost lookup follows 1${config}`,
    `  npx roost timeline home ${reader}${config}`,
    `  curl http://${server.admin.host}:${server.admin.port}/metrics`,
    `End it:`,
    `  npx roost playground stop --yes --dir ${dir}`,
  ];
}
