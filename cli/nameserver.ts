import type { Command } from 'commander';
import { isBehind, newestOf } from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import { withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand, defineGroup } from './console/command.js';

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
}
