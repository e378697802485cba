import type { Command } from 'commander';
import { RoostError } from '../../core/index.js';
import { graphFaultText } from '../../flock/index.js';
import type { CliIo } from '../console/cliIo.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  formerName,
  integerArgument,
  openConfig,
  outputFor,
} from '../console/command.js';
import { formatCount } from '../console/output.js';
import { Progress } from '../console/progress.js';
import { withFlock } from '../graph.js';

interface CheckCommandOptions extends ConfigOptions {
  readonly repair?: boolean;
  readonly settle: number;
}

/** How many faults are printed for people; `--json` has all that were kept. */
const faultsShown = 20;

export function addCheckCommand(flock: Command, io: CliIo): void {
  const command = defineCommand(
    flock,
    'check',
    'compare every replica, both ends of every edge, and every counter, while writes go on\nIt reads the databases page by page. A difference counts when it lasts: writes under way make some that do not. With --repair, jobs that put right what was found are journaled, and a server applies them. Rows in a shard to which their keys do not lead are named; `roost shard strays --fix` moves them home. It fails where faults are left.',
    'roost flock check follows --repair',
  )
    .argument('<graph>', "the graph's name")
    .option('--repair', 'put right what is found')
    .option('--settle <ms>', 'how long a difference has to last', integerArgument(0, 600_000), 5_000)
    .addOption(configOption())
    .action(async (name: string, options: CheckCommandOptions) => {
      const output = outputFor(io, options);
      await withFlock(openConfig(io, options).config, { create: false }, async (flock) => {
        const graph = flock.graph(name);
        let progress: Progress | undefined;
        let seen = 0;
        const report = await flock
          .check(graph.id, {
            repair: options.repair === true,
            settleMs: options.settle,
            signal: io.signal,
            onProgress: ({ rows, nodes, total }) => {
              progress ??= new Progress(io, 'comparing rows', total, output.quiet);
              progress.advance(rows + nodes - seen);
              seen = rows + nodes;
            },
          })
          .finally(() => progress?.stop());
        const again = `roost flock check ${name}`;
        const tables = [
          ...new Set(
            report.found
              .filter(({ kind }) => kind === 'stray')
              .map(({ direction }) => (direction === 'forward' ? graph.id : -graph.id)),
          ),
        ];
        const moveHome = tables.map((table) => `roost shard strays --table=${table} --fix`);
        output.result(
          { graph: name, ...report },
          () =>
            [
              `${formatCount(report.rows)} rows and ${formatCount(report.nodes)} nodes of ${name}: ${report.faults === 0 ? 'nothing is wrong' : `${formatCount(report.faults)} faults`}`,
              ...report.found.slice(0, faultsShown).map((fault) => `  ${graphFaultText(fault)}`),
              ...(report.found.length > faultsShown
                ? [
                    `… and ${formatCount(report.faults - faultsShown)} more (--json prints up to ${formatCount(report.found.length)})`,
                  ]
                : []),
            ].join('\n'),
          report.faults === 0 ? [] : [...moveHome, options.repair === true ? again : `${again} --repair`],
        );
        if (tables.length > 0) {
          throw new RoostError(
            'DataLoss',
            `rows of ${name} stand in shards of other keys: "${moveHome.join('" and "')}" moves them home`,
            { fields: { graph: name } },
          );
        }
        if (report.faults > 0 && options.repair !== true) {
          throw new RoostError(
            'DataLoss',
            `graph ${name} has ${report.faults} faults: "${again} --repair" puts them right`,
            { fields: { graph: name } },
          );
        }
      });
    });
  formerName(command, 'audit', io);
}
