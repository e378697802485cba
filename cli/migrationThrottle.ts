import type { Command } from 'commander';
import { RoostError } from '../core/index.js';
import { dayWindowsText, type MoveThrottleNow, parseDayWindows } from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import { withCluster } from './console/cluster.js';
import { argument, type ConfigOptions, configOption, defineCommand, integerArgument } from './console/command.js';
import { formatCount } from './console/output.js';

interface ThrottleOptions extends ConfigOptions {
  readonly rowsPerSecond?: number;
  readonly between?: ReturnType<typeof parseDayWindows>;
  readonly off?: true;
}

export function addThrottleCommand(group: Command, io: CliIo): void {
  defineCommand(
    group,
    'throttle',
    'bound all copies of the cluster together, and say at what times migrations work\nServers obey within seconds, also in copies that run. Outside of the times migrations rest where they are, and both sides are written; rollbacks and copies by hand do not wait. Without options it shows what holds.',
    'roost migrations throttle --rows-per-second 20000 --between 01:00-05:00',
  )
    .option('--rows-per-second <rows>', 'what all copies together do at most', integerArgument(1, 100_000_000))
    .option('--between <from-to,...>', 'times of day, in UTC', argument(parseDayWindows))
    .option('--off', 'no such bounds')
    .addOption(configOption())
    .action(({ rowsPerSecond, between, off, ...options }: ThrottleOptions) =>
      withCluster(io, options, async ({ migrations }, output) => {
        if (off === true && (rowsPerSecond !== undefined || between !== undefined))
          throw new RoostError('InvalidArgument', '--off cannot be combined with other options');
        const before = await migrations.throttle();
        if (off === true) await migrations.setThrottle({ rowsPerSecond: undefined, between: [] });
        else if (rowsPerSecond !== undefined || between !== undefined)
          await migrations.setThrottle({
            rowsPerSecond: rowsPerSecond ?? before.rowsPerSecond,
            between: between ?? before.between,
          });
        const now = await migrations.throttle();
        output.result(
          throttleJson(now),
          () =>
            throttleText(now) ??
            'migrations work at all times, each copy within moves.minRowsPerSecond and moves.maxRowsPerSecond',
          ['roost migrations list'],
        );
      }),
    );
}

export const throttleJson = ({ rowsPerSecond, between, resting }: MoveThrottleNow) => ({
  rowsPerSecond: rowsPerSecond ?? null,
  between: dayWindowsText(between),
  resting: resting !== '',
});

/** A line for people; undefined if nothing is limited. */
export function throttleText({ rowsPerSecond, between, resting, running }: MoveThrottleNow): string | undefined {
  if (rowsPerSecond === undefined && between.length === 0) return undefined;
  return [
    ...(rowsPerSecond === undefined
      ? []
      : [`all copies together do ${formatCount(rowsPerSecond)} rows/s at most (${running} now)`]),
    ...(between.length === 0
      ? []
      : [`migrations work between ${dayWindowsText(between)} UTC${resting === '' ? '' : ', and rest now'}`]),
  ].join('; ');
}
