import { Deadline, RoostError } from '../../core/index.js';
import type { Host } from '../backend.js';
import type { Hosts } from '../hosts.js';
import type { DroppedTables } from '../moving/droppedTables.js';
import type { ShardSize } from '../moving/movable.js';
import type { Moves } from '../moving/moves.js';
import type { Servers } from '../moving/servers.js';
import { attributeProblems } from '../shardAttributes.js';
import { backendOf, type ShardType } from '../shardType.js';
import type { Topology } from '../topology/topology.js';
import { shardKey, type ShardInfo } from '../topology/types.js';
import { retiredPrefix, type MigrationPlan } from './steps.js';

const hostDeadlineMs = 5_000;
/** The size of a copy on another host differs with its pages and indexes. */
const sizeMargin = 1.25;
/** Problems that a message names. */
const namedProblems = 20;

export interface PreflightEnvironment {
  readonly hosts: Hosts;
  readonly types: ReadonlyMap<string, ShardType>;
  readonly moves: Moves;
  readonly dropped: Pick<DroppedTables, 'list'>;
  readonly servers: Pick<Servers, 'lacking'>;
  readonly topology: Topology;
  /** The migration of each reserved shard, by number. */
  readonly reservations: ReadonlyMap<string, number>;
}

/**
 * Looks for everything that would stop plans half-way, before anything changes: reserved or busy shards, servers that
 * do not know a host, and hosts that are unknown, silent, too old, lagging, without the needed rights or room, or
 * with tables of the names to be created. Throws `FailedPrecondition` with a list. Returns sentences about what could
 * not be checked.
 */
export async function preflight(plans: readonly MigrationPlan[], environment: PreflightEnvironment): Promise<string[]> {
  const sizes = new SizeBook(environment);
  const problems = [
    ...(await reservationProblems(plans, environment)),
    ...(await serverProblems(plans, environment)),
    ...valueProblems(plans, environment),
    ...(await hostProblems(plans, environment, sizes)),
  ];
  const warnings: string[] = [];
  // Sizes are asked of the same hosts: a silent one is a problem already.
  if (problems.length === 0) {
    const room = await lookAtRoom(plans, environment, sizes);
    problems.push(...room.problems);
    warnings.push(...room.warnings);
  }
  if (problems.length === 0) return warnings;
  const more = problems.length > namedProblems ? [`and ${problems.length - namedProblems} more`] : [];
  throw new RoostError(
    'FailedPrecondition',
    `nothing was changed, because it could not be carried out:\n${[...problems.slice(0, namedProblems), ...more].map((problem) => `  ${problem}`).join('\n')}`,
  );
}

async function reservationProblems(
  plans: readonly MigrationPlan[],
  { reservations, moves }: PreflightEnvironment,
): Promise<string[]> {
  const inWork = await moves.inWork();
  const problems: string[] = [];
  const claimed = new Set<string>();
  for (const plan of plans) {
    for (const id of plan.shards) {
      const key = shardKey(id);
      if (claimed.has(key)) problems.push(`shard ${key} is in two of the transformations asked for`);
      claimed.add(key);
      const other = reservations.get(key);
      if (other !== undefined) problems.push(`shard ${key} is in migration ${other}`);
      if (other === undefined && inWork.has(key))
        problems.push(`shard ${key} is busy: move ${inWork.get(key)} works with it`);
    }
  }
  return problems;
}

const serverProblems = (plans: readonly MigrationPlan[], { servers }: PreflightEnvironment): Promise<string[]> =>
  servers.lacking([...new Set(plans.flatMap((plan) => plan.created.map((shard) => shard.id.hostname)))].sort());

const valueProblems = (plans: readonly MigrationPlan[], { types }: PreflightEnvironment): string[] =>
  plans
    .flatMap(({ created }) => created)
    .flatMap((shard) => {
      const type = types.get(shard.type);
      return type === undefined ? [] : attributeProblems(type, shard);
    });

async function hostProblems(
  plans: readonly MigrationPlan[],
  environment: PreflightEnvironment,
  sizes: SizeBook,
): Promise<string[]> {
  const created = plans.flatMap((plan) => plan.created);
  const dropped = plans.flatMap((plan) => plan.dropped);
  const touched = [...plans.flatMap((plan) => plan.sources), ...created, ...dropped];
  const names = [...new Set(touched.map((shard) => shard.id.hostname))].sort();
  const found = await Promise.all(
    names.map(async (name) => {
      if (!environment.hosts.has(name)) return [`host ${name} is not in the configuration: add it under databaseHosts`];
      const backend = environment.hosts.backendOf(name);
      const host = backend.host(name);
      const made = created.filter((shard) => shard.id.hostname === name);
      const makesShards = made.length > 0;
      // The types of these shards would not understand the host.
      const misplaced = backendProblems(backend.name, made, environment);
      if (misplaced.length > 0) return misplaced;
      try {
        const deadline = Deadline.after(hostDeadlineMs);
        return [
          ...((await backend.problems?.(host, makesShards, deadline)) ?? []),
          ...(await tableProblems(host, made, (prefix) => prefix, sizes)),
          ...(await tableProblems(
            host,
            dropped.filter((shard) => shard.id.hostname === name),
            retiredPrefix,
            sizes,
          )),
        ];
      } catch (error) {
        const { message } = RoostError.from(error);
        // A host that is one source among several, or is being left, may be down: that is why one leaves it.
        return makesShards || isOnlySource(plans, name) ? [`host ${name} cannot be used: ${message}`] : [];
      }
    }),
  );
  return found.flat();
}

const isOnlySource = (plans: readonly MigrationPlan[], hostname: string): boolean =>
  plans.some((plan) => plan.sources.length > 0 && plan.sources.every((shard) => shard.id.hostname === hostname));

/** Shards to be created on a host of another backend than theirs. */
const backendProblems = (backend: string, created: readonly ShardInfo[], { types }: PreflightEnvironment): string[] =>
  created.flatMap(({ id, type }) => {
    const known = types.get(type);
    return known === undefined || backendOf(known) === backend
      ? []
      : [
          `shard ${shardKey(id)} is of type ${type}, which lives on ${backendOf(known)}: ${id.hostname} is a host of ${backend}`,
        ];
  });

/** Existing tables with names that the plans need. */
async function tableProblems(
  host: Host,
  shards: readonly ShardInfo[],
  nameOf: (prefix: string) => string,
  sizes: SizeBook,
): Promise<string[]> {
  const problems: string[] = [];
  for (const { id, type } of shards) {
    const tablePrefix = nameOf(id.tablePrefix);
    if ((await sizes.stored(host.name, type)).has(tablePrefix)) {
      problems.push(
        `host ${host.name} holds tables of ${shardKey({ ...id, tablePrefix })} that no shard names: \`roost doctor --fix --drop-tables\` takes them away`,
      );
    }
  }
  return problems;
}

/** The copies must fit beside a host's present content. */
async function lookAtRoom(
  plans: readonly MigrationPlan[],
  { hosts, dropped }: PreflightEnvironment,
  sizes: SizeBook,
): Promise<{ readonly problems: string[]; readonly warnings: string[] }> {
  const coming = new Map<string, number>();
  for (const plan of plans) {
    if (plan.created.length === 0) continue;
    // In a split or merge, each new shard holds at most what all old ones do.
    const bytes = await sizes.largest(plan.sources);
    for (const shard of plan.created)
      coming.set(shard.id.hostname, (coming.get(shard.id.hostname) ?? 0) + Math.ceil(bytes * sizeMargin));
  }
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const [hostname, bytes] of coming) {
    const room = await hosts.host(hostname).room?.(Deadline.after(hostDeadlineMs));
    if (room === undefined || bytes === 0) continue;
    if (room.freeBytes === undefined)
      warnings.push(`free space on ${hostname} is unknown; ${Math.ceil(bytes / 2 ** 20)} MiB needed: ${room.text}`);
    else if (bytes > room.freeBytes) {
      const kept = (await dropped.list(hostname)).reduce((sum, one) => sum + (one.bytes ?? 0), 0);
      const purge =
        kept === 0
          ? ''
          : `; dropped shards take ${kept} bytes there, which \`roost shard purge --host ${hostname}\` frees`;
      problems.push(`host ${hostname} has no room: ${bytes} bytes are to come, and ${room.text}${purge}`);
    }
  }
  return { problems, warnings };
}

/** The content of hosts, asked once for each type. */
class SizeBook {
  readonly #stored = new Map<string, Promise<ReadonlyMap<string, ShardSize>>>();

  constructor(private readonly environment: PreflightEnvironment) {}

  stored(hostname: string, type: string): Promise<ReadonlyMap<string, ShardSize>> {
    const key = `${hostname} ${type}`;
    let found = this.#stored.get(key);
    if (found === undefined) {
      found = this.environment.moves
        .movableType(type)
        .stored(this.environment.hosts.host(hostname), Deadline.after(hostDeadlineMs));
      this.#stored.set(key, found);
    }
    return found;
  }

  /** The bytes of the largest of some replicas, except those on hosts that do not answer. */
  async largest(shards: readonly ShardInfo[]): Promise<number> {
    const sizes = await Promise.all(
      shards.map(async ({ id, type }) => {
        try {
          return (await this.stored(id.hostname, type)).get(id.tablePrefix)?.bytes ?? 0;
        } catch (error) {
          if (error instanceof RoostError && error.retryable) return 0;
          throw error;
        }
      }),
    );
    return Math.max(0, ...sizes);
  }
}
