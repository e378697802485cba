import type { Command } from 'commander';
import { isBehind, newestOf, thisProcess } from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import { withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand, defineGroup } from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';

export function addNameserverCommands(program: Command, io: CliIo): void {
  const nameserver = defineGroup(program, 'nameserver', 'look after the replicas of the name server');
  const define = (name: string, description: string, example: string): Command => defineCommand(nameserver, name, description, example).addOption(configOption());

  define('status', 'show which replica has seen which change', 'roost nameserver status').action((options: ConfigOptions) =>
    withCluster(io, options, async ({ nameServer }, output) => {
      const looks = await nameServer.replicas.look();
      const newest = newestOf(looks).head;
      const replicas = looks.map((look, i) => ({
        host: look.store.host.name,
        primary: i === 0,
        version: look.head?.version,
        state: isBehind(look, newest) ? 'behind' : look.head === undefined ? 'does not answer' : 'current',
        error: look.head === undefined ? look.error?.message : undefined,
      }));
      const behind = replicas.some(({ state }) => state === 'behind');
      output.result(
        { replicas },
        () => output.table(['host', '', 'version', 'state', ''], replicas.map((each) => [each.host, each.primary ? 'primary' : '', String(each.version ?? ''), each.state, each.error ?? ''])),
        behind ? ['roost nameserver repair'] : [],
      );
    }),
  );

  define('repair', 'make replicas that missed changes the same as the newest\nA running server does it by itself; an empty replica is set up.', 'roost nameserver repair').action((options: ConfigOptions) =>
    withCluster(io, options, async ({ nameServer }, output) => {
      const repaired = await nameServer.replicas.repair();
      output.result({ repaired }, () => (repaired.length === 0 ? 'all that answer are the same' : `repaired ${repaired.join(', ')}`), ['roost nameserver status']);
    }),
  );

  define(
    'promote',
    'make the first of nameServer.hosts the one that decides on changes\nFor when the first host is lost: name another first in every configuration, run this with it, and restart the servers. Needs a majority; nothing that was acknowledged is lost.',
    'roost nameserver promote --yes',
  )
    .addOption(yesOption())
    .action((options: ConfigOptions & ConfirmOptions) =>
      withCluster(io, options, async ({ nameServer }, output) => {
        const primary = nameServer.replicas.stores[0]!.host.name;
        await confirm(io, options, `make ${primary} the primary of the name server`, ['servers whose configuration names another host first can change nothing until they are restarted with this order']);
        const { version } = await nameServer.promote(`roost nameserver promote, ${thisProcess()}`);
        output.result({ primary, topologyVersion: version }, () => `${primary} decides on changes from version ${version} on`, ['roost nameserver status']);
      }),
    );
}
