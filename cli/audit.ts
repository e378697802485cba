import type { Command } from 'commander';
import { RoostError } from '../core/index.js';
import { type AuditEntry, type Change, type NameServer, thisProcess, topologyWarnings } from '../gizzard/index.js';
import { changeSentence, changesSummary } from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import { reportChange, withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand, defineGroup, integerArgument } from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';

interface ListOptions extends ConfigOptions {
  readonly count: number;
  readonly below?: number;
  readonly busy?: true;
}

const versionArgument = integerArgument(1, Number.MAX_SAFE_INTEGER);

export function addAuditCommands(program: Command, io: CliIo): void {
  const audit = defineGroup(program, 'audit', 'see who changed what of the topology, and go back');
  const define = (name: string, description: string, example: string): Command =>
    defineCommand(audit, name, description, example).addOption(configOption());

  define('list', 'list the changes of the topology, newest first', 'roost audit list --count 5')
    .option('--count <count>', 'changes to list', integerArgument(1, 10_000), 20)
    .option('--busy', 'also those that only mark shards as busy or free, as every copy does')
    .option('--below <version>', 'only those before this version', versionArgument)
    .action(({ count, below, busy, ...options }: ListOptions) =>
      withCluster(io, options, async ({ nameServer }, output) => {
        const entries = await entriesOf(nameServer, count, below, busy === true);
        const changes = entries.map(({ version, changedAtMs, by, changes: made }) => ({
          version,
          changedAt: new Date(changedAtMs).toISOString(),
          by,
          changes: made.length,
          summary: changesSummary(made),
        }));
        output.result(
          { changes },
          () =>
            changes.length === 0
              ? 'nothing was changed yet'
              : output.table(
                  ['version', 'when', 'who', 'what'],
                  changes.map((each) => [String(each.version), each.changedAt, each.by, each.summary]),
                ),
          changes.length === 0 ? [] : [`roost audit show ${changes[0]!.version}`],
        );
      }),
    );

  define('show', 'show one change, and what would undo it', 'roost audit show 12')
    .argument('<version>', 'the version that it made', versionArgument)
    .action((version: number, options: ConfigOptions) =>
      withCluster(io, options, async ({ nameServer }, output) => {
        const [entry] = await nameServer.audit({ count: 1, belowVersion: version + 1 });
        if (entry?.version !== version)
          throw new RoostError('NotFound', `the audit has no change ${version}`, { fields: { version } });
        const { changedAtMs, by, changes, inverse } = entry;
        const lines = (of: readonly Change[]): string =>
          of.map((each) => `  ${changeSentence(each)}`).join('\n') || '  nothing';
        output.result(
          {
            version,
            changedAt: new Date(changedAtMs).toISOString(),
            by,
            changes,
            inverse,
          },
          () =>
            `version ${version}, ${new Date(changedAtMs).toISOString()}, ${by}\n${lines(changes)}\nto undo it:\n${lines(inverse)}`,
          inverse.length === 0 ? [] : [`roost audit undo ${version}`],
        );
      }),
    );

  define(
    'undo',
    'make the inverse of a change, as a change of its own\nRefused where what came later stands in the way, or the tables of a shard that it would bring back are gone.',
    'roost audit undo 12',
  )
    .argument('<version>', 'the version that it made', versionArgument)
    .addOption(yesOption())
    .action((version: number, options: ConfigOptions & ConfirmOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        await confirm(io, options, `undo change ${version}`, [
          changesSummary(await gizzard.nameServer.inverseOf(version)),
        ]);
        const before = topologyWarnings(gizzard.topology);
        const after = await gizzard.undo(version, `roost audit undo ${version}, ${thisProcess()}`);
        const changed = {
          topologyVersion: after.version,
          warnings: topologyWarnings(after).filter((warning) => !before.includes(warning)),
        };
        reportChange(output, changed, { undone: version }, `undid change ${version}`);
      }),
    );
}

const isBusyMark = ({ changes }: AuditEntry): boolean =>
  changes.length > 0 && changes.every(({ kind }) => kind === 'markBusy');

/** The newest entries. Unless `busy`, skips those that only mark shards as busy, and reads further back. */
async function entriesOf(
  nameServer: NameServer,
  count: number,
  below: number | undefined,
  busy: boolean,
): Promise<AuditEntry[]> {
  const found: AuditEntry[] = [];
  for (let before = below; found.length < count;) {
    const page = await nameServer.audit({ count, ...(before === undefined ? {} : { belowVersion: before }) });
    found.push(...page.filter((entry) => busy || !isBusyMark(entry)));
    before = page.at(-1)?.version;
    if (page.length < count) break;
  }
  return found.slice(0, count);
}
