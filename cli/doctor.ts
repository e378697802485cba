import type { Command } from 'commander';
import type { Finding } from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import { withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand } from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';
import { EndWith, findingsExitCode } from './console/exitCodes.js';

interface DoctorOptions extends ConfigOptions, ConfirmOptions {
  readonly fix?: true;
  readonly dropTables?: true;
}

export function addDoctorCommand(program: Command, io: CliIo): void {
  defineCommand(
    program,
    'doctor',
    'find what is wrong with the cluster: hosts and servers that do not answer or do not know each other, replicas that lack writes or differ, failing and bad jobs, denied hosts and shards, missing tables, the journal, clocks, and half-done work\nWhat could not be looked at is a finding too. With --fix what can be is finished or undone; tables are dropped only with --drop-tables. Exit code: 0 where all is well, 3 with findings, another where the cluster could not be examined.',
    'roost doctor --fix',
  )
    .option('--fix', 'put right what can be')
    .option('--drop-tables', 'with --fix: drop tables that no shard names')
    .addOption(yesOption())
    .addOption(configOption())
    .action((options: DoctorOptions) =>
      withCluster(io, options, async ({ doctor }, output) => {
        const findings = await doctor.examine();
        const dropTables = options.dropTables === true;
        const wanted = findings.filter(
          ({ remedy }) => remedy !== undefined && (remedy.kind !== 'dropTables' || dropTables),
        );
        const shown = findings.map(({ kind, subject, message, differences }) => ({
          kind,
          subject,
          message,
          ...(differences === undefined ? {} : { differences }),
          fixable: wanted.some((one) => one.subject === subject && one.kind === kind),
        }));
        if (options.fix !== true || wanted.length === 0) {
          output.result(
            { findings: shown },
            () =>
              findings.length === 0
                ? `${output.green('well')}: everything was looked at, and nothing was found`
                : text(findings),
            wanted.length === 0 ? [] : ['roost doctor --fix'],
          );
          if (findings.length > 0) throw new EndWith(findingsExitCode);
          return;
        }
        output.note(text(findings));
        await confirm(io, options, 'put that right', wanted.map(loss));
        const fixed = await doctor.fix(wanted, { dropTables });
        const repairs = fixed.flatMap(({ move }) => (move === undefined ? [] : [move]));
        output.result(
          {
            findings: shown,
            fixed: fixed.map(({ finding: { kind, subject }, move }) => ({
              kind,
              subject,
              ...(move === undefined ? {} : { move }),
            })),
          },
          () =>
            `put right ${fixed.length} of ${findings.length}${repairs.length === 0 ? '' : `; servers repair replicas: ${repairs.length === 1 ? 'move' : 'moves'} ${repairs.join(', ')}`}`,
          [...(repairs.length === 0 ? [] : ['roost shard moves']), 'roost doctor'],
        );
        if (fixed.length < findings.length) throw new EndWith(findingsExitCode);
      }),
    );
}

const text = (findings: readonly Finding[]): string =>
  findings.map(({ kind, message }) => `${kind}: ${message}`).join('\n');

function loss({ subject, remedy }: Finding): string {
  if (remedy?.kind === 'dropTables') return `the tables of ${subject} are dropped, with what is in them`;
  if (remedy?.kind === 'repair') return `the replicas below ${subject} are merged into each other`;
  return `${subject}: the topology changes (\`roost audit undo\` takes it back)`;
}
