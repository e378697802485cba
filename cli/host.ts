import { type Command, InvalidArgumentError, Option } from 'commander';
import { RoostError } from '../core/index.js';
import {
  type Change,
  type Gizzard,
  nodeType,
  type RemoteHost,
  remoteStatuses,
  type RemoteStatus,
  type Topology,
} from '../gizzard/index.js';
import type { CliIo } from './console/cliIo.js';
import { change, reportChange, weightArgument, withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand, defineGroup } from './console/command.js';
import { confirmEffects } from './console/confirmEffects.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';
import { formatCount } from './console/output.js';
import { addHostLifeCommands } from './hostLife.js';

interface WeightOptions extends ConfigOptions {
  readonly read?: number;
  readonly write?: number;
  readonly reset?: true;
}

interface RemoteAddress {
  readonly hostname: string;
  readonly port: number;
}

export function addHostCommands(program: Command, io: CliIo): void {
  const host = defineGroup(
    program,
    'host',
    'add, weigh and retire database hosts, and name the hosts of other clusters',
  );
  addHostLifeCommands(host, io);
  const define = (name: string, description: string, example: string): Command =>
    defineCommand(host, name, description, example).addOption(configOption());

  define('list', 'list the database hosts, with what lives on them and their weights', 'roost host list').action(
    (options: ConfigOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const hosts = hostsOf(gizzard);
        output.result({ hosts }, () =>
          output.table(
            ['host', 'shards', 'read weight', 'write weight', 'configured'],
            hosts.map((each) => [
              each.host,
              each.shards,
              String(each.read),
              String(each.write),
              each.configured ? 'yes' : 'no',
            ]),
          ),
        );
      }),
  );

  define('pairs', 'count, for each pair of hosts, the trees of which both hold a copy', 'roost host pairs').action(
    (options: ConfigOptions) =>
      withCluster(io, options, async ({ topology }, output) => {
        const pairs = pairsOf(topology);
        output.result({ pairs }, () =>
          pairs.length === 0
            ? 'no tree has copies on two hosts'
            : output.table(
                ['host', 'host', 'trees'],
                pairs.map(({ hosts: [a, b], trees }) => [a, b, trees]),
              ),
        );
      }),
  );

  define(
    'weight',
    'scale the reads and writes of a host\nA weight multiplies those of the links to its shards; 0 denies. A host without weights has 1 and 1.',
    'roost host weight db1 --read 0.5',
  )
    .argument('<host>', 'its name in the topology')
    .option('--read <weight>', 'for reads', weightArgument)
    .option('--write <weight>', 'for writes: 0 lets them wait in the journal', weightArgument)
    .option('--reset', 'back to 1 and 1')
    .addOption(yesOption())
    .action((hostname: string, options: WeightOptions & ConfirmOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const known = gizzard.topology.hostWeight(hostname);
        if (options.reset === true) {
          const changed = await change(gizzard, 'host weight', [{ kind: 'removeHostWeight', hostname }]);
          return reportChange(output, changed, { host: hostname, read: 1, write: 1 }, `${hostname}: read 1, write 1`);
        }
        if (options.read === undefined && options.write === undefined)
          throw new RoostError('InvalidArgument', 'give --read, --write or --reset');
        if (!hostsOf(gizzard).some((each) => each.host === hostname))
          throw new RoostError(
            'NotFound',
            `no shard lives on host ${hostname}, and the configuration does not name it`,
            { fields: { host: hostname } },
          );
        const weight = { hostname, read: options.read ?? known.read, write: options.write ?? known.write };
        const changes: Change[] = [{ kind: 'setHostWeight', weight }];
        await confirmEffects(io, options, gizzard, `weigh host ${hostname}`, changes);
        const changed = await change(gizzard, 'host weight', changes);
        reportChange(
          output,
          changed,
          { host: hostname, read: weight.read, write: weight.write },
          `${hostname}: read ${weight.read}, write ${weight.write}`,
        );
      }),
    );

  define(
    'remotes',
    'list the hosts of other clusters, with the jobs that wait for each cluster and why they were not sent',
    'roost host remotes',
  ).action((options: ConfigOptions) =>
    withCluster(io, options, async (gizzard, output) => {
      const { remoteHosts } = gizzard.topology.state;
      const clusters = await Promise.all(
        [...new Set(remoteHosts.map(({ cluster }) => cluster))].sort().map((cluster) => backlogOf(gizzard, cluster)),
      );
      output.result({ remotes: remoteHosts, clusters }, () =>
        remoteHosts.length === 0
          ? 'none: writes stay in this cluster'
          : [
              output.table(
                ['cluster', 'host', 'status'],
                remoteHosts.map(({ cluster, hostname, port, status }) => [cluster, `${hostname}:${port}`, status]),
              ),
              output.table(
                ['cluster', 'waiting', 'refused', 'last error'],
                clusters.map(({ cluster, waiting, refused, lastError = '' }) => [cluster, waiting, refused, lastError]),
              ),
            ].join('\n'),
      );
    }),
  );

  define(
    'add-remote',
    'replicate the writes of this cluster to another one\nHOST:PORT is the job injector of one of its servers. Graphs must have the same numbers there.',
    'roost host add-remote west far.example:7921',
  )
    .argument('<cluster>', 'what the other cluster is called here')
    .argument('<host:port>', 'a job injector', remoteArgument)
    .addOption(
      new Option('--status <status>', 'normal: send; blocked: keep until it is unblocked; blackholed: drop')
        .choices(remoteStatuses)
        .default('normal'),
    )
    .action(
      (
        cluster: string,
        address: RemoteAddress,
        { status, ...options }: ConfigOptions & { readonly status: RemoteStatus },
      ) =>
        withCluster(io, options, async (gizzard, output) => {
          const known = gizzard.topology.state.remoteHosts.find(
            ({ hostname, port }) => hostname === address.hostname && port === address.port,
          );
          if (known !== undefined)
            throw new RoostError(
              'AlreadyExists',
              `${address.hostname}:${address.port} is a host of cluster ${known.cluster} already, and ${known.status}; \`roost host set-remote\` and \`remove-remote\` change that`,
            );
          if (cluster === gizzard.config.cluster)
            throw new RoostError('InvalidArgument', `${cluster} is this cluster itself`);
          const changed = await change(gizzard, 'host add-remote', [
            { kind: 'setRemoteHost', host: { ...address, cluster, status } },
          ]);
          reportChange(
            output,
            changed,
            { cluster, ...address, status },
            `cluster ${cluster}: ${address.hostname}:${address.port}, ${status}`,
            ['roost host remotes'],
          );
        }),
    );

  define(
    'set-remote',
    'block, blackhole or unblock a host of another cluster, or all of its hosts',
    'roost host set-remote west --status blocked',
  )
    .argument('<remote>', 'a cluster, or HOST:PORT')
    .addOption(
      new Option('--status <status>', 'normal, blocked or blackholed').choices(remoteStatuses).makeOptionMandatory(),
    )
    .addOption(yesOption())
    .action(
      (remote: string, { status, ...options }: ConfigOptions & ConfirmOptions & { readonly status: RemoteStatus }) =>
        withCluster(io, options, async (gizzard, output) => {
          const hosts = matching(gizzard.topology, remote);
          if (status === 'blackholed') {
            const backlogs = await Promise.all(
              [...new Set(hosts.map(({ cluster }) => cluster))].map((cluster) => backlogOf(gizzard, cluster)),
            );
            await confirm(
              io,
              options,
              `blackhole ${remote}`,
              backlogs.map(
                ({ cluster, waiting }) =>
                  `writes are not replicated to cluster ${cluster} any more, and ${formatCount(waiting)} jobs that wait for it are dropped, unless another of its hosts is normal or blocked`,
              ),
            );
          }
          const changed = await change(
            gizzard,
            'host set-remote',
            hosts.map((known) => ({ kind: 'setRemoteHost', host: { ...known, status } })),
          );
          reportChange(
            output,
            changed,
            { remotes: hosts.map((known) => ({ ...known, status })) },
            `${hosts.map(({ hostname, port }) => `${hostname}:${port}`).join(', ')}: ${status}`,
            ['roost host remotes'],
          );
        }),
    );

  define(
    'remove-remote',
    "forget a host of another cluster\nWith a cluster's last host go the jobs that wait for it.",
    'roost host remove-remote far.example:7921',
  )
    .argument('<host:port>', 'a job injector', remoteArgument)
    .addOption(yesOption())
    .action(({ hostname, port }: RemoteAddress, options: ConfigOptions & ConfirmOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const [{ cluster }] = matching(gizzard.topology, `${hostname}:${port}`) as [RemoteHost];
        const last = gizzard.topology.state.remoteHosts.filter((known) => known.cluster === cluster).length === 1;
        const { waiting, refused } = await backlogOf(gizzard, cluster);
        const lost = last
          ? `it is the last of cluster ${cluster}: ${formatCount(waiting + refused)} jobs that wait for the cluster are dropped`
          : `cluster ${cluster} has other hosts, which get its jobs`;
        await confirm(io, options, `forget ${hostname}:${port}`, [lost]);
        const changed = await change(gizzard, 'host remove-remote', [{ kind: 'removeRemoteHost', hostname, port }]);
        const dropped = last ? await gizzard.jobs.queues.dropRemote(cluster) : 0;
        reportChange(
          output,
          changed,
          { cluster, hostname, port, dropped },
          `forgot ${hostname}:${port}${last ? `; dropped ${formatCount(dropped)} jobs` : ''}`,
        );
      }),
    );
}

function remoteArgument(text: string): RemoteAddress {
  const [, hostname, digits] = /^([A-Za-z0-9_.-]+):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (hostname === undefined || port < 1 || port > 65_535) throw new InvalidArgumentError('It must be HOST:PORT.');
  return { hostname, port };
}

function matching(topology: Topology, remote: string): RemoteHost[] {
  const { remoteHosts } = topology.state;
  const found = remoteHosts.filter(
    ({ cluster, hostname, port }) => cluster === remote || `${hostname}:${port}` === remote,
  );
  if (found.length > 0) return found;
  const known =
    remoteHosts.length === 0
      ? 'there are none'
      : `there are ${remoteHosts.map(({ cluster, hostname, port }) => `${cluster} (${hostname}:${port})`).join(', ')}`;
  throw new RoostError('NotFound', `there is no remote cluster or host ${remote}; ${known}`, { fields: { remote } });
}

async function backlogOf(
  { jobs }: Gizzard,
  cluster: string,
): Promise<{
  readonly cluster: string;
  readonly waiting: number;
  readonly refused: number;
  /** Absent: no job failed. */
  readonly lastError?: string;
}> {
  const [priorities, lastError] = await Promise.all([jobs.queues.status(cluster), jobs.queues.lastErrorOf(cluster)]);
  return {
    cluster,
    waiting: priorities.reduce((sum, { queued, failing }) => sum + queued.jobs + failing.jobs, 0),
    refused: priorities.reduce((sum, { bad }) => sum + bad.jobs, 0),
    ...(lastError === undefined ? {} : { lastError }),
  };
}

function hostsOf({ topology, hosts }: Gizzard) {
  const counts = new Map<string, number>(hosts.names.map((name) => [name, 0]));
  for (const { id, type } of topology.state.shards)
    if (nodeType(type) === undefined) counts.set(id.hostname, (counts.get(id.hostname) ?? 0) + 1);
  for (const { hostname } of topology.state.hostWeights) if (!counts.has(hostname)) counts.set(hostname, 0);
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([host, shards]) => ({
      host,
      shards,
      ...weightsOf(topology, host),
      configured: hosts.has(host),
    }));
}

const weightsOf = (topology: Topology, hostname: string): { readonly read: number; readonly write: number } => {
  const { read, write } = topology.hostWeight(hostname);
  return { read, write };
};

function pairsOf(topology: Topology): { readonly hosts: readonly [string, string]; readonly trees: number }[] {
  const counts = new Map<string, { hosts: [string, string]; trees: number }>();
  const seen = new Set<string>();
  for (const { tableId } of topology.tables) {
    for (const { root, leaves } of topology.routes(tableId)) {
      const key = `${root.id.hostname}/${root.id.tablePrefix}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const hosts = [...new Set(leaves.map(({ shard }) => shard.id.hostname))].sort();
      for (const [i, a] of hosts.entries()) {
        for (const b of hosts.slice(i + 1)) {
          const pair = counts.get(`${a} ${b}`) ?? { hosts: [a, b], trees: 0 };
          pair.trees++;
          counts.set(`${a} ${b}`, pair);
        }
      }
    }
  }
  return [...counts.values()].sort((a, b) => b.trees - a.trees);
}
