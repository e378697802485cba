import type { Command } from 'commander';
import type { PolicyInput } from '../../tbird/index.js';
import type { CliIo } from '../console/cliIo.js';
import {
  type ConfigOptions,
  configOption,
  defineCommand,
  integerArgument,
  nameListArgument,
  outputFor,
} from '../console/command.js';
import { type ConfirmOptions, yesOption } from '../console/confirm.js';
import { durationArgument } from '../console/duration.js';
import { formatMs } from '../console/output.js';
import { confirmDrops } from './windowCommands.js';
import { withTbird } from './withTbird.js';

interface SetupOptions extends ConfigOptions, ConfirmOptions {
  readonly window?: number;
  readonly ahead?: number;
  readonly retention?: number;
  readonly stripes?: number;
  readonly replicas?: number;
  readonly openHosts?: readonly string[];
  readonly closedHosts?: readonly string[];
  readonly catchUp?: boolean;
  readonly keepForever?: true;
}

/** Sets tweets up, or changes their policy. */
export function addSetupCommand(tweets: Command, io: CliIo): void {
  defineCommand(
    tweets,
    'setup',
    'set up tweets in this cluster, or change how their windows are made\nWhat is not given stays as it is. Windows that are there keep their shape; the length of a window never changes. Windows that a shorter retention drops are shown first, and dropped at once where you agree.',
    'roost tweets setup --window 1d --stripes 4 --replicas 2 --retention 365d',
  )
    .option('--window <duration>', 'how long a window is (first default: 1d)', durationArgument)
    .option(
      '--ahead <duration>',
      'how long before its beginning a window is made (first default: half a window, at most a day)',
      durationArgument,
    )
    .option(
      '--retention <duration>',
      'how long tweets are kept after the end of their window (first default: for ever)',
      durationArgument,
    )
    .option('--keep-forever', 'no retention any more')
    .option('--stripes <count>', 'tables of a window (first default: 4)', integerArgument(1, 256))
    .option(
      '--replicas <count>',
      'copies of each, on as many hosts (first default: 2, or as many as there are hosts)',
      integerArgument(1, 32),
    )
    .option('--open-hosts <name,...>', 'database hosts of windows that are open (first default: all)', nameListArgument)
    .option(
      '--closed-hosts <name,...>',
      'database hosts that windows move to when they are over (first default: the same)',
      nameListArgument,
    )
    .option('--catch-up', 'make a window of the past when a tweet for it comes (first default)')
    .option('--no-catch-up', 'refuse such tweets')
    .addOption(yesOption())
    .addOption(configOption())
    .action(async (options: SetupOptions) => {
      const given: Record<keyof PolicyInput, unknown> = {
        windowMs: options.window,
        aheadMs: options.ahead,
        retentionMs: options.keepForever === true ? null : options.retention,
        stripes: options.stripes,
        replicas: options.replicas,
        openHosts: options.openHosts,
        closedHosts: options.closedHosts,
        catchUp: options.catchUp,
      };
      const policy = Object.fromEntries(
        Object.entries(given).filter(([, value]) => value !== undefined),
      ) as PolicyInput;
      const set = await withTbird(io, options, async (tbird) => {
        const drops = policy.retentionMs == null ? [] : await tbird.windowSet.planDrops(policy);
        await confirmDrops(io, options, tbird, drops, 'set up tweets so');
        return tbird.setup({ policy, dropAll: drops.length > 0 });
      });
      outputFor(io, options).result(set, () =>
        [
          `windows of ${formatMs(set.windowMs)}, ${set.stripes} stripes, ${set.replicas} ${set.replicas === 1 ? 'copy' : 'copies'} of each, made ${formatMs(set.aheadMs)} ahead`,
          `open windows on ${set.openHosts.join(', ')}; closed ones on ${set.closedHosts.join(', ')}`,
          set.retentionMs === null ? 'kept for ever' : `kept for ${formatMs(set.retentionMs)} after their end`,
        ].join('\n'),
      );
    });
}
