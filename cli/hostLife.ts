import type { Command } from 'commander';
import { openCluster, type Cluster, type HostLeave } from '../cluster/index.js';
import { Deadline, RoostError } from '../core/index.js';
import {
  checkHost,
  drainHost,
  type Gizzard,
  type HostDrain,
  type HostLook,
  hostsOf,
  serverName,
  thisProcess,
} from '../gizzard/index.js';
import { beginPlans, type Besides, planOptions, type PlanOptions } from './console/beginPlans.js';
import type { CliIo } from './console/cliIo.js';
import { type ConfigOptions, configOption, defineCommand, openConfig, outputFor } from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';
import type { Output } from './console/output.js';
import { whatNamesHost } from './hostUse.js';

interface RemoveOptions extends ConfigOptions, ConfirmOptions {
  readonly lost?: true;
}

const tableDeadlineMs = 30_000;
const waitForServersMs = 60_000;

/** Adding and removing database hosts, as commands of the noun `host`. */
export function addHostLifeCommands(host: Command, io: CliIo): void {
  const define = (name: string, description: string, example: string): Command =>
    defineCommand(host, name, description, example).argument('<host>', 'its name under databaseHosts');

  define(
    'check',
    'look whether a database host is fit for Roost: answer, version, rights, room, clock, settings, and which servers know it\nRights are tried with a scratch table. Fails where something is at fault.',
    'roost host check db3',
  )
    .addOption(configOption())
    .action((name: string, options: ConfigOptions) =>
      withStores(io, options, async ({ gizzard }, output) => {
        requireConfigured(gizzard, name);
        report(output, name, await examine(gizzard, name), []);
      }),
    );

  define(
    'add',
    'check a new database host, and that every server knows it, and say how shards come to it\nA host is added by naming it under databaseHosts of every server and tool: this says what to write where it is not there yet. Changes nothing.',
    'roost host add db3',
  )
    .addOption(configOption())
    .action((name: string, options: ConfigOptions) =>
      withStores(io, options, async ({ gizzard, opened }, output) => {
        requireConfigured(gizzard, name);
        const looked = await examine(gizzard, name);
        if (looked.unknownTo.length > 0)
          throw new RoostError(
            'FailedPrecondition',
            `${looked.unknownTo.join(', ')} ${looked.unknownTo.length === 1 ? 'does' : 'do'} not know ${name} yet: ${lineFor(name)} in that configuration, restart it, and run this again`,
            { fields: { host: name } },
          );
        const hosts = Object.keys(gizzard.config.databaseHosts);
        report(output, name, looked, [
          `roost rebalance --hosts ${hosts.join(',')}`,
          ...opened.flatMap(({ store }) => store.hosts?.useCommand(hosts) ?? []),
        ]);
      }),
    );

  planOptions(
    define(
      'drain',
      'move every shard away from a database host, each to the host that has the fewest\nReplicas of one tree stay on different hosts, and nothing else moves. Stores that choose hosts by themselves do not use it any more.',
      'roost host drain db1 --wait',
    ),
  ).action((name: string, options: PlanOptions) =>
    withStores(io, options, async (cluster, output) => {
      const { gizzard } = cluster;
      requireConfigured(gizzard, name);
      // Shards stay on their backend.
      const others = gizzard.hosts.backendOf(name).names.filter((one) => one !== name);
      const leaves = await leavesOf(cluster, name);
      const drain = drainHost(await gizzard.migrations.planner(), name, others);
      const roles = gizzard.config.nameServer.hosts.includes(name)
        ? [
            `${name} is a host of the name server: where it leads, \`roost nameserver promote\` another one; then take it out of nameServer.hosts of every configuration`,
          ]
        : [];
      for (const role of roles) output.note(role);
      await beginPlans(io, options, gizzard, output, drain.plans, besides(gizzard, name, drain, leaves));
    }),
  );

  define(
    'remove',
    'forget a database host that nothing needs any more, and say which configurations still name it\nRefused while a shard, a migration, a store, jobs, tables kept for `undrop`, or the name server names it.',
    'roost host remove db1',
  )
    .option('--lost', 'it is gone for good and cannot be asked: what it kept for `undrop` is lost')
    .addOption(yesOption())
    .addOption(configOption())
    .action((name: string, options: RemoveOptions) =>
      withStores(io, options, async (cluster, output) => {
        const { gizzard } = cluster;
        await gizzard.nameServer.reload();
        const reasons = await whatNamesHost(cluster, name, options.lost === true);
        if (reasons.length > 0)
          throw new RoostError(
            'FailedPrecondition',
            `host ${name} is still needed:\n${reasons.map((reason) => `  ${reason}`).join('\n')}`,
            { fields: { host: name } },
          );
        const weighed = gizzard.topology.state.hostWeights.some(({ hostname }) => hostname === name);
        if (options.lost === true)
          await confirm(io, options, `forget ${name}`, ['tables that it kept for `undrop` are lost with it']);
        if (weighed)
          await gizzard.apply([{ kind: 'removeHostWeight', hostname: name }], `roost host remove, ${thisProcess()}`);
        const naming = [
          ...(await gizzard.servers.list())
            .filter((server) => hostsOf(server)?.includes(name) === true)
            .map(({ id, info }) => serverName(id, info)),
          ...(gizzard.hosts.has(name) ? ['this configuration'] : []),
        ];
        output.result({ host: name, removed: true, namedBy: naming }, () =>
          [
            `nothing needs ${name} any more`,
            ...(naming.length === 0
              ? []
              : [
                  `take it out of databaseHosts of ${naming.join(', ')}, and restart ${naming.length === 1 ? 'what reads it' : 'these'}`,
                ]),
          ].join('\n'),
        );
      }),
    );
}

async function withStores(
  io: CliIo,
  options: ConfigOptions,
  work: (cluster: Cluster, output: Output) => Promise<void>,
): Promise<void> {
  const { config } = openConfig(io, options);
  const cluster = await openCluster(config, io.stores);
  try {
    await work(cluster, outputFor(io, options));
  } finally {
    await cluster.close();
  }
}

/** What the stores do when a host is drained. Throws if a store cannot do without the host. */
async function leavesOf({ opened }: Cluster, name: string): Promise<HostLeave[]> {
  const leaves: HostLeave[] = [];
  for (const { store, opened: own } of opened) {
    const leave = await store.hosts?.leave(own, name);
    if (leave !== undefined) leaves.push(leave);
  }
  return leaves;
}

function requireConfigured({ hosts }: Gizzard, name: string): void {
  if (hosts.has(name)) return;
  throw new RoostError(
    'FailedPrecondition',
    `this configuration does not name ${name}: put ${lineFor(name)}, and the same into that of every server and tool`,
    { fields: { host: name } },
  );
}

const lineFor = (name: string): string =>
  `"${name}": { "host": "ADDRESS", "port": 3306, "user": "USER", "password": "PASSWORD" } under databaseHosts`;

interface Looked {
  readonly looks: readonly HostLook[];
  readonly shards: number;
  readonly bytes: number;
  /** Servers whose configurations lack the host. A server that does not report its hosts is taken to know it. */
  readonly unknownTo: readonly string[];
}

async function examine(gizzard: Gizzard, name: string): Promise<Looked> {
  const { hosts, config, topology, moves, servers, jobs } = gizzard;
  const running = await servers.list();
  const looks = await checkHost(hosts, name, {
    config,
    nowMs: () => jobs.journal.nowMs(),
    servers: running.length,
  });
  const own = topology.state.shards.filter(({ id }) => id.hostname === name);
  let bytes = 0;
  if (looks.every(({ what, state }) => what !== 'answers' || state === 'good')) {
    for (const type of new Set(own.map((shard) => shard.type))) {
      if (gizzard.shardType(type)?.moving === undefined) continue;
      for (const stored of (
        await moves.movableType(type).stored(hosts.host(name), Deadline.after(tableDeadlineMs))
      ).values())
        bytes += stored.bytes;
    }
  }
  const unknownTo = running
    .filter((server) => hostsOf(server)?.includes(name) === false)
    .map(({ id, info }) => serverName(id, info));
  return { looks, shards: own.length, bytes, unknownTo };
}

function report(
  output: Output,
  name: string,
  { looks, shards, bytes, unknownTo }: Looked,
  next: readonly string[],
): void {
  const faults = looks.filter(({ state }) => state === 'fault');
  const marks = { good: output.green('good'), warning: 'warning', fault: output.red('fault') } as const;
  const text = (): string =>
    [
      output.table(
        ['', 'state', ''],
        looks.map(({ what, state, text: said }) => [what, marks[state], said]),
      ),
      `${name} has ${shards} shards, ${bytes} bytes`,
      ...unknownTo.map(
        (server) => `${server} does not know ${name}: add ${lineFor(name)} of its configuration and restart it`,
      ),
    ].join('\n');
  if (faults.length === 0) return output.result({ host: name, fit: true, looks, shards, bytes, unknownTo }, text, next);
  output.note(text());
  throw new RoostError(
    'FailedPrecondition',
    `host ${name} is not fit: ${faults.map(({ what, text: said }) => `${what}: ${said}`).join('; ')}`,
    { fields: { host: name } },
  );
}

/** The effects of a drain besides its migrations. */
function besides(gizzard: Gizzard, name: string, { changes, empty }: HostDrain, leaves: readonly HostLeave[]): Besides {
  return {
    effects: [
      ...leaves.map(({ effect }) => effect),
      ...(empty.length === 0 ? [] : [`${empty.length} shards that hold nothing are made on other hosts`]),
    ],
    nextSteps: [`roost host remove ${name}`],
    async first() {
      for (const leave of leaves) await leave.apply();
      if (changes.length === 0) return;
      const by = `roost host drain, ${thisProcess()}`;
      await gizzard.apply(changes, by);
      await gizzard.servers.allHold(gizzard.topology.version, AbortSignal.timeout(waitForServersMs));
      await gizzard.nameServer.spend(
        empty.map(({ id }) => id),
        by,
      );
      for (const shard of empty)
        await gizzard.moves
          .movableType(shard.type)
          .drop(gizzard.mysql.host(name), shard, Deadline.after(tableDeadlineMs));
    },
  };
}
