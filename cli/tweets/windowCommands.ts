import { type Command, InvalidArgumentError } from 'commander';
import { isRoostError } from '../../core/index.js';
import { tbirdConfig, type DroppedWindow, type Tbird, type WindowToDrop } from '../../tbird/index.js';
import type { CliIo } from '../console/cliIo.js';
import { askingServers, type ClientOptions, withClient } from '../console/client.js';
import { serverOption } from '../console/serverOptions.js';
import { type ConfigOptions, configOption, defineCommand, outputFor } from '../console/command.js';
import { confirm, type ConfirmOptions, yesOption } from '../console/confirm.js';
import { timeText, withTbird } from './withTbird.js';

const dayMs = 86_400_000;

/** Windows of time: listing, dropping and restoring them. */
export function addWindowCommands(tweets: Command, io: CliIo): void {
  askingServers(
    defineCommand(
      tweets,
      'windows',
      'the windows of time that tweets are kept in\nBelow them: those that were dropped, and until when `roost tweets undrop` brings them back.',
      'roost tweets windows',
    ).addOption(serverOption('tweets')),
  ).action(async (options: ClientOptions) => {
    const { windows, dropped } = await withClient(io, options, async (roost) => ({
      windows: await roost.tweets.windows(),
      dropped: await roost.tweets.droppedWindows().catch(noneOfBefore),
    }));
    const output = outputFor(io, options);
    output.result({ windows, dropped }, () =>
      [
        windows.length === 0
          ? 'there are none yet; `roost tweets setup` makes the first'
          : output.table(
              ['from', 'to', 'phase', 'stripes', 'hosts', 'first id'],
              windows.map(({ startMs, endMs, phase, stripes, hosts, firstId }) => [
                timeText(startMs),
                timeText(endMs),
                phase,
                stripes,
                hosts.join(' '),
                String(firstId),
              ]),
            ),
        ...(dropped.length === 0
          ? []
          : [
              '',
              output.table(
                ['dropped window', 'to', 'dropped', 'tables', 'kept until'],
                dropped.map(({ startMs, endMs, droppedAtMs, tables, keptUntilMs, back }) => [
                  timeText(startMs),
                  timeText(endMs),
                  timeText(droppedAtMs),
                  tables,
                  back ? 'released: it is back' : timeText(keptUntilMs),
                ]),
              ),
            ]),
      ].join('\n'),
    );
  });

  defineCommand(
    tweets,
    'roll',
    'make the windows that are due, send closed ones to their hosts, drop those past the retention\nServers do it by themselves; this does it now. A roll drops a small share of the windows at once.',
    'roost tweets roll',
  )
    .option('--all', 'drop all windows that are past the retention, after showing them')
    .addOption(yesOption())
    .addOption(configOption())
    .action(async (options: ConfirmOptions & ConfigOptions & { readonly all?: true }) => {
      const report = await withTbird(io, options, async (tbird) => {
        if (options.all === true)
          await confirmDrops(
            io,
            options,
            tbird,
            await tbird.windowSet.planDrops(),
            'drop all windows past the retention',
          );
        return tbird.roll({ all: options.all === true });
      });
      const { made, dropped, held, heldBack, clocksApartMs, moving } = report;
      const lines = [
        `made ${made.length} windows, dropped ${dropped.length}, sent ${moving} tables on their way`,
        ...(held.length === 0
          ? []
          : [
              `${held.length} are past the retention and wait for migrations of their tables: ${held.map(timeText).join(', ')}`,
            ]),
        ...(clocksApartMs === undefined
          ? []
          : [
              `the clock of the journal's Redis is ${Math.round(clocksApartMs / 1_000)} s ahead of that of the name server's MySQL: nothing is dropped until they agree`,
            ]),
        ...(heldBack.length === 0
          ? []
          : [
              `${heldBack.length} are past the retention and were not dropped now: ${heldBack.map(timeText).join(', ')}`,
            ]),
      ];
      const next = [
        ...(held.length === 0 ? [] : ['roost migrations list']),
        ...(heldBack.length === 0 || clocksApartMs !== undefined ? [] : ['roost tweets roll --all']),
      ];
      outputFor(io, options).result(
        {
          made: made.map(timeText),
          dropped: dropped.map(timeText),
          held: held.map(timeText),
          heldBack: heldBack.map(timeText),
          clocksApartMs,
          moving,
        },
        () => lines.join('\n'),
        next.length === 0 ? undefined : next,
      );
    });

  defineCommand(
    tweets,
    'undrop',
    'bring back a window that the retention dropped\nIts tweets are as they were. The retention leaves it alone from then on, until `roost tweets release` or a longer retention.',
    'roost tweets undrop 2026-11-20',
  )
    .argument('<window>', 'a time in it, such as 2026-11-20 or 2026-11-20T22:00:00Z', timeArgument)
    .addOption(configOption())
    .action(async (timeMs: number, options: ConfigOptions) => {
      const startMs = await withTbird(io, options, async (tbird) => {
        await tbird.windowSet.undrop(timeMs);
        return (await tbird.windows()).find((window) => window.startMs <= timeMs && timeMs < window.endMs)!.startMs;
      });
      outputFor(io, options).result(
        { window: timeText(startMs), back: true },
        () => `the window of ${timeText(startMs)} is back, and stays until it is released`,
        ['roost tweets check --repair', `roost tweets release ${timeText(startMs)}`],
      );
    });

  defineCommand(
    tweets,
    'release',
    'let the retention drop a window again that `roost tweets undrop` brought back',
    'roost tweets release 2026-11-20',
  )
    .argument('<window>', 'a time in it', timeArgument)
    .addOption(configOption())
    .action(async (timeMs: number, options: ConfigOptions) => {
      await withTbird(io, options, (tbird) => tbird.windowSet.release(timeMs));
      outputFor(io, options).result(
        { window: timeText(timeMs), released: true },
        () => `the retention holds for the window of ${timeText(timeMs)} again`,
      );
    });
}

/** Shows the windows that are about to be dropped, and asks for confirmation. Does not ask if there are none. */
export async function confirmDrops(
  io: CliIo,
  options: ConfirmOptions,
  tbird: Tbird,
  windows: readonly WindowToDrop[],
  what: string,
): Promise<void> {
  if (windows.length === 0) return;
  const { undropDays } = tbirdConfig.of(tbird.gizzard.config).tweets;
  const keptUntil = timeText(Math.floor((Date.now() + undropDays * dayMs) / 1_000) * 1_000);
  await confirm(io, options, what, [
    ...windows.map(
      ({ startMs, endMs, tables }) =>
        `the window from ${timeText(startMs)} to ${timeText(endMs)} is dropped: ${tables} ${tables === 1 ? 'table' : 'tables'}`,
    ),
    `\`roost tweets undrop\` brings them back until about ${keptUntil}`,
  ]);
}

/** An older server knows of no dropped windows. */
function noneOfBefore(error: unknown): DroppedWindow[] {
  if (isRoostError(error, 'Unavailable') || isRoostError(error, 'DeadlineExceeded')) throw error;
  return [];
}

function timeArgument(text: string): number {
  const timeMs = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z)?$/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(timeMs))
    throw new InvalidArgumentError('It must be a time of UTC such as 2026-11-20 or 2026-11-20T22:00:00Z.');
  return timeMs;
}
