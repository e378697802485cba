import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { ClusterFigures } from '../dashboard/index.js';
import type { Gizzard } from '../gizzard/index.js';
import { again, watchOption, type WatchOptions } from './console/again.js';
import type { CliIo } from './console/cliIo.js';
import { withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand } from './console/command.js';
import { formatMs, type Output } from './console/output.js';

const shownCalls = 10;
/** How long the first output waits: a rate needs two posts, and servers post every two seconds. */
const firstLookMs = 2_500;

export function addTopCommand(program: Command, io: CliIo): void {
  defineCommand(
    program,
    'top',
    'show what keeps the cluster busy: the hottest trees of shards, the keys that are written most, and the methods that are called most\nThe figures are those of all servers, of the last seconds. A server counts in bounded memory, so that counts of very many keys may be a little high.',
    'roost top --watch',
  )
    .addOption(watchOption())
    .addOption(configOption())
    .action((options: ConfigOptions & WatchOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const figures = new ClusterFigures();
        await figures.look(gizzard);
        await sleep(firstLookMs, undefined, { signal: io.signal });
        await again(io, options, output, () => show(gizzard, figures, output));
      }),
    );
}

async function show(gizzard: Gizzard, figures: ClusterFigures, output: Output): Promise<void> {
  await gizzard.nameServer.reload();
  const servers = await figures.look(gizzard);
  const { trees, keys } = figures.heat(gizzard);
  const calls = figures.calls(shownCalls);
  output.result(
    { servers: servers.size, trees, keys, calls },
    () => {
      if (servers.size === 0) return 'no server posts its figures';
      const parts = [
        ...(trees.length === 0
          ? []
          : [
              output.table(
                ['tree', 'reads/s', 'rows written/s'],
                trees.map(({ root, readsPerSecond, writesPerSecond }) => [root, readsPerSecond, writesPerSecond]),
              ),
            ]),
        ...(keys.length === 0
          ? []
          : [
              output.table(
                ['key', 'table', 'rows written/s'],
                keys.map(({ table, key, writesPerSecond }) => [key, table, writesPerSecond]),
              ),
            ]),
        ...(calls.length === 0
          ? []
          : [
              output.table(
                ['method', 'calls/s', 'on average'],
                calls.map(({ method, perSecond, meanMs }) => [method, Math.round(perSecond), formatMs(meanMs)]),
              ),
            ]),
      ];
      return parts.length === 0 ? 'nothing was read or written in the last seconds' : parts.join('\n\n');
    },
    servers.size === 0 ? ['roost ping'] : [],
  );
}
