import type { Command } from 'commander';
import { RoostError } from '../core/index.js';
import { shardKey, type ShardId, type Stray, type StraysReport } from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import { shardListArgument, tableArgument, withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand } from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';
import { formatCount } from './console/output.js';
import { Progress } from './console/progress.js';

interface StraysOptions extends ConfigOptions, ConfirmOptions {
  readonly table?: number;
  readonly fix?: true;
}

/** How many strays are printed for people; `--json` has all that were kept. */
const straysShown = 20;

/** `shard strays`, as a command of the noun `shard`. */
export function addStraysCommand(shard: Command, io: CliIo): void {
  defineCommand(
    shard,
    'strays',
    'find rows in shards to which their keys do not lead, as hand-made changes of forwardings and links leave them\nIt reads every row of the shards, while they are written to. With --fix, each such row is merged into the replicas where it belongs, and deleted from the wrong shard once all of them hold it. A row whose key is no id, as after a flipped bit, is deleted. Trees in a migration are left alone. It fails where strays are left.',
    'roost shard strays --table 1 --fix',
  )
    .argument('[shards...]', 'host/prefix of each; absent: all', shardListArgument)
    .option('--table <table>', 'the shards of one table: positive forward, negative backward', tableArgument)
    .option('--fix', 'move them home')
    .addOption(yesOption())
    .addOption(configOption())
    .action((given: readonly ShardId[] | undefined, options: StraysOptions) =>
      withCluster(io, options, async ({ strays }, output) => {
        if (given !== undefined && given.length > 0 && options.table !== undefined)
          throw new RoostError('InvalidArgument', 'give shards or a table, not both');
        const ids =
          given !== undefined && given.length > 0
            ? given
            : (await strays.leavesOf(options.table === undefined ? undefined : [options.table])).map(({ id }) => id);
        const examine = async (fix: boolean): Promise<StraysReport> => {
          const progress = new Progress(io, 'rows looked at', undefined, output.quiet);
          let seen = 0;
          return strays
            .examine(ids, {
              fix,
              signal: io.signal,
              onProgress: ({ rows }) => {
                progress.advance(rows - seen);
                seen = rows;
              },
            })
            .finally(() => progress.stop());
        };
        const wants = options.fix === true;
        let report = await examine(false);
        if (wants && report.count > 0) {
          output.note(text(report));
          await confirm(io, options, 'move them home', [
            `${formatCount(report.count)} rows are deleted from the shards to which their keys do not lead, once every replica where they belong holds them`,
          ]);
          report = await examine(true);
        }
        const again = [
          'roost shard strays',
          ...(given ?? []).map(shardKey),
          ...(options.table === undefined ? [] : [`--table=${options.table}`]),
        ].join(' ');
        const left = report.count - report.moved;
        const { rows, count, moved } = report;
        output.result(
          {
            rows,
            count,
            moved,
            strays: report.strays,
            left: Object.fromEntries(report.left),
            skipped: Object.fromEntries(report.skipped),
          },
          () => text(report),
          left > 0 && !wants ? [`${again} --fix`] : moved > 0 ? [again] : [],
        );
        if (left > 0)
          throw new RoostError(
            'DataLoss',
            `${formatCount(left)} rows stand in shards of other keys${wants ? '' : `: "${again} --fix" moves them home`}`,
            { fields: { rows: left } },
          );
      }),
    );
}

function text({ rows, count, moved, strays, left, skipped }: StraysReport): string {
  return [
    `${formatCount(rows)} rows: ${count === 0 ? 'all are where their keys lead' : `${formatCount(count)} in shards of other keys${moved === 0 ? '' : `, ${formatCount(moved)} moved home`}`}`,
    ...(moved > 0 ? [] : strays.slice(0, straysShown).map(strayLine)),
    ...(moved > 0 || count <= straysShown
      ? []
      : [
          `… and ${formatCount(count - Math.min(strays.length, straysShown))} more (--json prints up to ${formatCount(strays.length)})`,
        ]),
    ...Array.from(left, ([why, number]) => `left ${formatCount(number)}: ${why}`),
    ...Array.from(skipped, ([shard, why]) => `not looked through: ${shard}: ${why}`),
  ].join('\n');
}

const strayLine = ({ shard, table, key, home }: Stray): string =>
  `  ${shard} ${table} ${key}: ${home === undefined ? 'no tree covers its key' : `belongs to ${home}`}`;
