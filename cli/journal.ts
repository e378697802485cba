import type { Command } from 'commander';
import { flushCaches, openCaches } from '../cache/index.js';
import { priorities, RoostError } from '../core/index.js';
import { type Gizzard, type JournalLook, lostText, skewMs } from '../gizzard/index.js';
import type { RoostConfig } from '../process/index.js';
import type { CliIo } from './console/cliIo.js';
import { withCluster } from './console/cluster.js';
import { type ConfigOptions, configOption, defineCommand, defineGroup } from './console/command.js';
import { confirm, type ConfirmOptions, yesOption } from './console/confirm.js';
import { formatCount } from './console/output.js';

export function addJournalCommands(program: Command, io: CliIo): void {
  const journal = defineGroup(
    program,
    'journal',
    'look at the journal of writes, and go on with it after its Redis lost data',
  );

  defineCommand(
    journal,
    'status',
    "show whether the journal's Redis is the one that the name server knows, how it is set, and what waits in it",
    'roost journal status',
  )
    .addOption(configOption())
    .action((options: ConfigOptions) =>
      withCluster(io, options, async (gizzard, output) => {
        const look = await gizzard.jobs.guard.examine();
        const status = await statusOf(gizzard, look);
        const rows = Object.entries(flat(status)).map(([name, value]) => [name, String(value)]);
        output.result(
          status,
          () => output.table(['', ''], rows),
          status.problem === undefined ? [] : ['roost journal adopt'],
        );
      }),
    );

  defineCommand(
    journal,
    'adopt',
    "take what the journal's Redis holds now for the journal, and accept writes again\nAfter Redis came back empty, or as an older copy of itself, servers refuse every write: accepted ones are lost, and replicas may differ. This begins a new epoch; replicas are then to be compared and repaired. Where nothing is wrong it does nothing.",
    'roost journal adopt --yes',
  )
    .addOption(yesOption())
    .addOption(configOption())
    .action((options: ConfigOptions & ConfirmOptions) =>
      withCluster(io, options, async ({ jobs, config }, output) => {
        const look = await jobs.guard.examine();
        if (look.settings.role === 'replica') {
          throw new RoostError(
            'FailedPrecondition',
            "the journal's Redis is a replica: adopt the primary, to which redis.host and redis.port must lead",
          );
        }
        const problem = lostText(look);
        if (problem === undefined) {
          output.result(
            { adopted: false, epoch: look.held?.epoch, number: look.held?.number },
            () => 'the journal is whole: there is nothing to adopt',
          );
          return;
        }
        output.note(problem);
        await confirm(io, options, 'adopt what the journal holds now', [
          `${formatCount(look.waiting)} jobs that wait in Redis are applied`,
          'writes that were accepted and are neither in Redis nor applied are lost; those that some replicas have and others lack stay so until a repair',
          ...(config.memcached.length + config.cache.pages.length > 0
            ? ['all caches forget what they hold: a worker may have written rows, and lost the job before it told them']
            : []),
          'then run: `roost doctor --fix` (compares replicas and repairs them), and `roost check --repair` (what each store holds, such as both directions of each edge)',
        ]);
        // Before the adoption: nothing is written until then, and an interrupted command repeats both.
        const flushed = await forgetCached(config);
        const { epoch, number } = await jobs.guard.adopt(look);
        output.result(
          { adopted: true, epoch, number, waiting: look.waiting, flushed },
          () => `epoch ${epoch} (number ${number}) has begun; servers accept writes again within a few seconds`,
          ['roost doctor --fix', 'roost check --repair'],
        );
      }),
    );
}

async function forgetCached(config: RoostConfig): Promise<readonly string[]> {
  const caches = await openCaches(config, { onlooker: true });
  try {
    return await flushCaches(caches);
  } finally {
    await caches.close();
  }
}

async function statusOf({ jobs, config }: Gizzard, look: JournalLook) {
  const { appendFsync, ...settings } = { ...look.settings, appendFsync: (await jobs.settings()).appendFsync };
  const queues = await Promise.all(priorities.map(async (priority) => [priority, await jobs.sizes(priority)] as const));
  return {
    problem: lostText(look),
    epoch: look.held?.epoch,
    number: look.held?.number,
    accepted: look.held?.accepted,
    nameServerEpoch: look.known?.epoch,
    nameServerAccepted: look.known?.accepted,
    durability: config.journal.durability,
    settings: { ...settings, appendFsync },
    jobs: Object.fromEntries(queues),
    clocksAheadMs: Object.fromEntries(
      [
        look.clock,
        ...look.databases.flatMap(({ host, clock }) => (clock === undefined ? [] : [{ name: host, ...clock }])),
      ].map((reading) => [reading.name, Math.round(skewMs(reading))]),
    ),
  };
}

/** Nested names as one, for a table. */
function flat(value: object, before = ''): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]: [string, unknown]): [string, unknown][] =>
      inner === undefined
        ? []
        : typeof inner === 'object' && inner !== null
          ? Object.entries(flat(inner, `${before}${name}.`))
          : [[`${before}${name}`, inner]],
    ),
  );
}
