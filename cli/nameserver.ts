import { type Command, Option } from 'commander';
import { thisProcess } from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import { withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand, defineGroup } from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';

interface RepairOptions extends ConfigOptions {
  readonly from?: string;
}

export function addNameserverCommands(program: Command, io: CliIo): void {
  const nameserver = defineGroup(program, 'nameserver', 'look after the replicas of the name server');
  const define = (name: string, description: string, example: string): Command =>
    defineCommand(nameserver, name, description, example).addOption(configOption());

  define(
    'status',
    'show which replica has seen which change, and which holds something else\nCompares what the replicas hold: the topology, the ledger of migrations, moves, the policies of stores. "control" is the version of all of these but the topology.',
    'roost nameserver status',
  ).action((options: ConfigOptions) =>
    withCluster(io, options, async ({ replicas: health }, output) => {
      const replicas = await health.examine();
      const mend = replicas.some(({ state }) => state === 'behind' || state === 'differs');
      output.result(
        { replicas },
        () =>
          output.table(
            ['host', '', 'version', 'control', 'state', ''],
            replicas.map((each) => [
              each.host,
              each.primary ? 'primary' : '',
              String(each.version ?? ''),
              String(each.controlVersion ?? ''),
              each.state,
              each.error ?? each.differences.join('; '),
            ]),
          ),
        mend ? ['roost nameserver repair'] : [],
      );
    }),
  );

  define(
    'repair',
    'make replicas that missed changes, or hold something else, the same\nThose that are behind become as the newest, which a running server does by itself; an empty replica is set up. Those that differ though they have seen the same changes become as most of the others.',
    'roost nameserver repair',
  )
    .addOption(new Option('--from <host>', 'the replica that is right, where as many say something else'))
    .action((options: RepairOptions) =>
      withCluster(io, options, async ({ replicas }, output) => {
        const repaired = await replicas.repair(options.from, `roost nameserver repair, ${thisProcess()}`);
        output.result(
          { repaired },
          () => (repaired.length === 0 ? 'all that answer are the same' : `repaired ${repaired.join(', ')}`),
          ['roost nameserver status'],
        );
      }),
    );

  define(
    'promote',
    'make another host of nameServer.hosts the primary, which decides on changes\nFor when the primary is lost, or is to be taken away. Needs a majority of the hosts, the new primary among them; nothing that was acknowledged is lost. Running servers follow within seconds; no configuration needs to change.',
    'roost nameserver promote db2 --yes',
  )
    .argument('<host>', 'the new primary')
    .addOption(yesOption())
    .action((host: string, options: ConfigOptions & ConfirmOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        await confirm(io, options, `make ${host} the primary of the name server`, [
          'moves and migrations that are under way rest for some seconds, and go on under it',
        ]);
        const { promoted, version, behind } = await gizzard.promote(host, `roost nameserver promote, ${thisProcess()}`);
        const servers = behind.map(({ id, info }) => ({
          id,
          name: info['machine'] === undefined ? id : `${info['machine']} (process ${info['pid']})`,
          primary: info['primary'],
        }));
        const lines = [
          promoted ? `${host} is the primary from version ${version} on` : `${host} is the primary already`,
          ...servers.map(
            ({ name, primary }) =>
              `server ${name} does not follow yet${primary === undefined ? '' : `: it holds ${primary} for the primary`}; where it stays so, name ${host} first in nameServer.hosts of its configuration and restart it`,
          ),
        ];
        output.result({ primary: host, promoted, topologyVersion: version, servers }, () => lines.join('\n'), [
          'roost nameserver status',
        ]);
      }),
    );
}
