import type { Command } from 'commander';
import type { CliIo } from './console/cliIo.js';
import { withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand } from './console/command.js';
import { callManager, oncePerServer, requireAll, runningServers, type RunningServer } from './console/managers.js';

export function addReloadCommand(program: Command, io: CliIo): void {
  defineCommand(
    program,
    'reload',
    'have every running server look for a newer topology at once\nServers look by themselves, every nameServer.reloadSeconds.',
    'roost reload',
  )
    .addOption(configOption())
    .action((options: ConfigOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const servers = oncePerServer(await runningServers(gizzard), 'manager');
        const failures: { server: RunningServer; error: unknown }[] = [];
        await Promise.all(
          servers.map((server) =>
            callManager(server.manager!, (manager) => manager.reload_config()).catch((error: unknown) =>
              failures.push({ server, error }),
            ),
          ),
        );
        requireAll(failures);
        output.result(
          { reloaded: servers.map(({ name }) => name) },
          () =>
            servers.length === 0 ? 'no server is running' : `reloaded ${servers.map(({ name }) => name).join(', ')}`,
          ['roost ping'],
        );
      }),
    );
}
