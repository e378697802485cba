import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { RoostError } from '../core/index.js';
import {
  type Change,
  changesBetween,
  type Gizzard,
  thisProcess,
  topologyFromJson,
  topologyToJson,
  topologyWarnings,
} from '../gizzard/index.js';
import { changeSentence } from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import { reportChange, withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand } from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';
import { effectsOf } from './console/confirmEffects.js';

interface ExportOptions extends ConfigOptions {
  readonly file?: string;
}

/** The topology as a file: `roost topology export`, `diff` and `apply`. */
export function addTopologyFileCommands(topology: Command, io: CliIo): void {
  const define = (name: string, description: string, example: string): Command =>
    defineCommand(topology, name, description, example).addOption(configOption());

  define(
    'export',
    'write the topology as JSON, to keep it or to change it\nTables, shards, links, forwardings, weights, remote hosts, paused queues and fanouts, in a fixed order.',
    'roost topology export --file topology.json',
  )
    .option('--file <file>', 'where to (default: the output)')
    .action(({ file, ...options }: ExportOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const json = topologyToJson(gizzard.topology.state);
        if (file === undefined) {
          io.stdout.write(json);
          return;
        }
        writeFileSync(resolve(io.workingFolder, file), json);
        output.result(
          { file, version: gizzard.topology.version },
          () => `wrote topology ${gizzard.topology.version} to ${file}`,
          [`roost topology diff ${file}`],
        );
      }),
    );

  define('diff', 'show what `roost topology apply` would change', 'roost topology diff topology.json')
    .argument('<file>', 'as `roost topology export` writes it')
    .action((file: string, options: ConfigOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const { changes, edited } = planned(io, gizzard, file);
        if (edited) output.note(editedNote(file));
        const effects = effectsOf(gizzard.topology, changes);
        output.result(
          {
            version: gizzard.topology.version,
            changes,
            effects,
            edited,
          },
          () =>
            changes.length === 0
              ? 'nothing: the cluster has this topology'
              : [...changes.map(changeSentence), ...effects.map((effect) => `${output.red('effect:')} ${effect}`)].join(
                  '\n',
                ),
          changes.length === 0 ? [] : [`roost topology apply ${file}`],
        );
      }),
    );

  define(
    'apply',
    'make the topology that a file describes, as one change\nTables of new shards are made first; those of shards that go stay on their hosts. No data are copied: `roost transform`, `split` and `merge` do that. A file made of an older topology is refused, unless its version is deleted from it.',
    'roost topology apply topology.json',
  )
    .argument('<file>', 'as `roost topology export` writes it')
    .addOption(yesOption())
    .action((file: string, options: ConfigOptions & ConfirmOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const { changes, madeOf, edited } = planned(io, gizzard, file);
        const { version } = gizzard.topology;
        if (changes.length === 0)
          return output.result(
            { topologyVersion: version, changes: 0 },
            () => 'nothing to change: the cluster has this topology',
          );
        if (madeOf !== undefined && madeOf !== version) {
          throw new RoostError(
            'FailedPrecondition',
            `${file} was made of topology ${madeOf}, and the cluster has ${version} by now: export it again, or delete "version" from the file to apply it all the same`,
            { fields: { version, file } },
          );
        }
        if (edited) output.note(editedNote(file));
        output.note(changes.map(changeSentence).join('\n'));
        await confirm(io, options, `apply ${file}`, [
          `${changes.length} ${changes.length === 1 ? 'change' : 'changes'} of the topology`,
          ...effectsOf(gizzard.topology, changes),
        ]);
        const before = topologyWarnings(gizzard.topology);
        const after = await gizzard.apply(changes, `roost topology apply, ${thisProcess()}`, version);
        const changed = {
          topologyVersion: after.version,
          warnings: topologyWarnings(after).filter((warning) => !before.includes(warning)),
        };
        reportChange(
          output,
          changed,
          { changes: changes.length },
          `made ${changes.length} ${changes.length === 1 ? 'change' : 'changes'}`,
          ['roost topology'],
        );
      }),
    );
}

const editedNote = (file: string): string =>
  `${file} is not as it was exported: it was edited since, or is damaged. Look at each change`;

function planned(
  io: CliIo,
  { topology, attributes }: Gizzard,
  file: string,
): { readonly changes: readonly Change[]; readonly madeOf: number | undefined; readonly edited: boolean } {
  let json: string;
  try {
    json = readFileSync(resolve(io.workingFolder, file), 'utf8');
  } catch (cause) {
    throw new RoostError('InvalidArgument', `${file} cannot be read: ${(cause as Error).message}`, {
      cause,
      fields: { file },
    });
  }
  const { state, madeOf, edited } = topologyFromJson(json, topology.state, attributes);
  const changes = changesBetween(topology.state, state);
  return { changes, madeOf, edited: edited && changes.length > 0 };
}
