import type { Command } from 'commander';
import type { Gizzard } from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import { again, watchOption, type WatchOptions } from './console/again.js';
import { withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand } from './console/command.js';
import { callManager, requireAll, runningServers, type RunningServer } from './console/managers.js';
import { formatMs, type Output } from './console/output.js';

export function addPingCommand(program: Command, io: CliIo): void {
  defineCommand(
    program,
    'ping',
    'ask every running server, and show which topology version each works with\nA server behind the newest version still has work under an older one, or has not looked yet.',
    'roost ping',
  )
    .addOption(watchOption())
    .addOption(configOption())
    .action((options: ConfigOptions & WatchOptions) =>
      withCluster(io, options, (gizzard, output) => again(io, options, output, () => ping(gizzard, output))),
    );
}

async function ping(gizzard: Gizzard, output: Output): Promise<void> {
  await gizzard.nameServer.reload();
  const failures: { server: RunningServer; error: unknown }[] = [];
  const ask = async (server: RunningServer): Promise<boolean> => {
    if (server.manager === undefined) return true;
    try {
      await callManager(server.manager, (manager) => manager.list_tables());
      return true;
    } catch (error) {
      failures.push({ server, error });
      return false;
    }
  };
  const newest = gizzard.topology.version;
  const servers = await Promise.all(
    (await runningServers(gizzard)).map(async (server) => ({
      server: server.name,
      manager: server.manager === undefined ? undefined : `${server.manager.host}:${server.manager.port}`,
      topologyVersion: server.version,
      behind: Math.max(0, newest - server.version),
      silentMs: server.silentMs,
      answers: await ask(server),
    })),
  );
  const rows = servers.map((each) => [
    each.server,
    each.manager ?? '',
    String(each.topologyVersion),
    each.behind === 0 ? 'current' : `${each.behind} behind`,
    formatMs(each.silentMs),
    each.answers ? 'answers' : 'does not answer',
  ]);
  output.result(
    { newestVersion: newest, servers },
    () =>
      servers.length === 0
        ? `no server is running; the newest topology is ${newest}`
        : `${output.table(['server', 'manager', 'version', '', 'last heard of', ''], rows)}\nnewest topology: ${newest}`,
    servers.length === 0 ? ['roost serve'] : servers.some(({ behind }) => behind > 0) ? ['roost reload'] : [],
  );
  requireAll(failures);
}
