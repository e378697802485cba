import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Deadline, RoostError } from '../../core/index.js';
import type { Host } from '../backend.js';
import type { Hosts } from '../hosts.js';
import type { DroppedTables } from '../moving/droppedTables.js';
import type { Moves } from '../moving/moves.js';
import { isOpen, type MoveSpec, type MoveTask } from '../moving/moveTask.js';
import type { Servers } from '../moving/servers.js';
import type { NameServer } from '../nameServer/nameServer.js';
import type { ShardType } from '../shardType.js';
import type { Change } from '../topology/changes.js';
import type { Topology } from '../topology/topology.js';
import { shardKey, type ShardInfo } from '../topology/types.js';
import type { Migration, MigrationStep } from './migration.js';
import { retired, retiredPrefix, unretired, unretiredPrefix, type Action } from './steps.js';

const tableDeadlineMs = 60_000;
/** If a comparison still finds differences after this many rounds, writes go astray. */
const maxVerifyRounds = 10;

export interface StepEnvironment {
  readonly nameServer: NameServer;
  readonly servers: Servers;
  readonly moves: Moves;
  readonly dropped: DroppedTables;
  /** How long tables that were taken away are kept. */
  readonly keepDroppedMs: number;
  readonly hosts: Hosts;
  readonly types: ReadonlyMap<string, ShardType>;
  /** How long a process that only reads may keep an old topology. */
  readonly reloadMs: number;
  /** How long tables to be dropped wait for a silent host before they are left behind there. */
  readonly leaveHostAfterMs: number;
}

/** The context of one step of one migration. */
export interface StepContext extends StepEnvironment {
  readonly migration: Migration;
  /** Whether the step only removes leftovers: a host that is gone for good must not block it. */
  readonly takesAway: boolean;
  /** Shards with tables that earlier steps left behind, by the tables' names there. */
  readonly leftBehind: ReadonlySet<string>;
  /** How long this step has been attempted. */
  readonly triedMs: () => number;
  /** Aborted when the work is to be left as it is. */
  readonly signal: AbortSignal;
  /** Throws if the migration no longer belongs to this server. */
  readonly stillOurs: () => Promise<void>;
}

/** Performs a step or its reversal, and returns the evidence. Idempotent. */
export async function runAction(action: Action, context: StepContext): Promise<MigrationStep['evidence']> {
  switch (action.kind) {
    case 'nothing':
      return {};
    case 'createTables':
      await everyServerKnows(action.shards, context);
      for (const shard of action.shards)
        await onTables(shard, context, (host, deadline) => typeOf(shard, context).create(host, shard, deadline));
      return { shards: action.shards.length };
    case 'dropTables':
      await spend(action.shards, context);
      return takeAway(action.shards, context, (shard) => setAside(shard, context));
    case 'retire':
      await spend([...action.shards, ...action.shards.map(retired)], context);
      return takeAway(action.shards, context, (shard, host, deadline) =>
        context.moves.movableType(shard.type).rename(host, shard, retiredPrefix(shard.id.tablePrefix), deadline),
      );
    case 'change':
      return change(action.changes, context);
    case 'copy': {
      const task = await move(await reachable(action.spec, context), context);
      return { moves: [task.id], rows: task.rowsDone };
    }
    case 'verify':
      return verify(action.spec, context);
  }
}

/**
 * A server started after the preflight may not know a host. Throws `Unavailable` until it does: the following steps
 * would make it read and write without that host.
 */
async function everyServerKnows(shards: readonly ShardInfo[], { servers }: StepContext): Promise<void> {
  const lacking = await servers.lacking([...new Set(shards.map((shard) => shard.id.hostname))].sort());
  if (lacking.length > 0) throw new RoostError('Unavailable', lacking.join('; '));
}

/** A server that hung, and lost the migration meanwhile, must not touch tables that may belong to another by now. */
async function onTables(
  shard: ShardInfo,
  { hosts, stillOurs }: StepContext,
  work: (host: Host, deadline: Deadline) => Promise<void>,
): Promise<void> {
  await stillOurs();
  await work(hosts.host(shard.id.hostname), Deadline.after(tableDeadlineMs));
}

/**
 * From here on no shard gets these names, so that the tables are the examined ones, whenever this process gets to
 * them.
 */
const spend = (shards: readonly ShardInfo[], { nameServer, migration }: StepContext): Promise<void> =>
  nameServer.spend(
    shards.map(({ id }) => id),
    `migration ${migration.id}`,
    migration.id,
  );

/** Works on tables that nobody uses any more; those on a silent host are left behind. */
async function takeAway(
  shards: readonly ShardInfo[],
  context: StepContext,
  work: (shard: ShardInfo, host: Host, deadline: Deadline) => Promise<void>,
): Promise<MigrationStep['evidence']> {
  await letReadersGo(context);
  const left: ShardInfo[] = [];
  let done = 0;
  let failure: RoostError | undefined;
  for (const shard of shards) {
    if (wasLeft(shard, context)) continue;
    try {
      await onTables(shard, context, (host, deadline) => work(shard, host, deadline));
      done++;
    } catch (error) {
      // Tables on other hosts come first, whatever happens to this one.
      if (!(error instanceof RoostError && error.retryable)) throw error;
      failure = error;
      left.push(shard);
    }
  }
  if (failure !== undefined && !(await mayLeave(left, context))) throw failure;
  return { shards: done, ...evidenceOf(left) };
}

/** Tables that were retired are listed under the name that they served with, so that `roost shard undrop` gives that back. */
async function setAside(shard: ShardInfo, { dropped, keepDroppedMs, migration }: StepContext): Promise<void> {
  const why = `migration ${migration.id} ${migration.goal === 'rollback' ? 'was rolled back' : 'replaced it'}: ${migration.title}`;
  await dropped.setAside(shard, { why, keepMs: keepDroppedMs, as: unretired(shard) });
}

const wasLeft = ({ id }: ShardInfo, { leftBehind }: StepContext): boolean =>
  leftBehind.has(shardKey(id)) || leftBehind.has(shardKey({ ...id, tablePrefix: unretiredPrefix(id.tablePrefix) }));

/** True once the wait for the shards' host has timed out; their tables may then be left behind. */
async function mayLeave(
  shards: readonly ShardInfo[],
  { takesAway, triedMs, leaveHostAfterMs, hosts }: StepContext,
): Promise<boolean> {
  if (!takesAway || triedMs() < leaveHostAfterMs) return false;
  const answers = await Promise.all(
    [...new Set(shards.map((shard) => shard.id.hostname))].map((name) => hosts.host(name).answers()),
  );
  return !answers.includes(true);
}

const evidenceOf = (left: readonly ShardInfo[]): MigrationStep['evidence'] =>
  left.length === 0 ? {} : { leftBehind: left.map((shard) => shardKey(shard.id)) };

/** By then every server has let go of the tables; so has a process that only reads, and does not report itself. */
const letReadersGo = ({ reloadMs, signal }: StepContext): Promise<void> => sleep(2 * reloadMs, undefined, { signal });

async function change(
  changes: readonly Change[],
  { nameServer, servers, migration, signal, stillOurs }: StepContext,
): Promise<MigrationStep['evidence']> {
  await nameServer.reload();
  const { topology } = nameServer;
  const left = outstanding(topology, changes);
  await stillOurs();
  // Only on top of the examined version: if this server hangs now, another continues, and may undo this before this
  // one wakes.
  if (left.length > 0)
    await nameServer.apply(left, `migration ${migration.id}`, { onVersion: topology.version, maker: migration.id });
  const { version } = nameServer.topology;
  await servers.allHold(version, signal);
  return { changes: left.length, topology: version, servers: (await servers.list()).length };
}

/** The changes not made yet: a server may have died between making and recording them. */
function outstanding(topology: Topology, changes: readonly Change[]): Change[] {
  const { links, forwardings } = topology.state;
  const linkOf = (parent: string, child: string): boolean =>
    links.some((link) => shardKey(link.parent) === parent && shardKey(link.child) === child);
  return changes.filter((one) => {
    switch (one.kind) {
      case 'createShard':
        return !topology.hasShard(one.shard.id);
      case 'deleteShard':
        return topology.hasShard(one.id);
      case 'addLink':
        return !links.some((link) => isDeepStrictEqual(link, one.link));
      case 'removeLink':
        return linkOf(shardKey(one.parent), shardKey(one.child));
      case 'removeForwarding':
        return forwardings.some((forwarding) => forwarding.tableId === one.tableId && forwarding.baseId === one.baseId);
      default:
        return true;
    }
  });
}

async function verify({ sources, ...rest }: MoveSpec, context: StepContext): Promise<MigrationStep['evidence']> {
  const spec = { ...rest, sources: sources.filter((shard) => !wasLeft(shard, context)) };
  if (spec.sources.length === 0) return { rounds: 0 };
  if ((await answering(spec.sources, context)).length === 0 && (await mayLeave(spec.sources, context)))
    return { rounds: 0, ...evidenceOf(spec.sources) };
  const ids: number[] = [];
  for (let round = 1; round <= maxVerifyRounds; round++) {
    const task = await move(await reachable(spec, context), context);
    ids.push(task.id);
    if (task.differenceCount === 0) return { moves: ids, rows: task.rowsDone, rounds: round };
  }
  throw new RoostError(
    'FailedPrecondition',
    `after ${maxVerifyRounds} comparisons rows are still missing: see moves ${ids.join(', ')}`,
    { fields: { migration: context.migration.id } },
  );
}

/** Runs a move of the migration to its end: one in progress, if a server died, or a new one. */
async function move(spec: MoveSpec, { moves, migration, signal, stillOurs }: StepContext): Promise<MoveTask> {
  await stillOurs();
  const tasks = await moves.store.ofMigration(migration.id);
  const { minRowsPerSecond, maxRowsPerSecond } = migration.options;
  const rates = {
    ...(minRowsPerSecond === undefined ? {} : { minRowsPerSecond }),
    ...(maxRowsPerSecond === undefined ? {} : { maxRowsPerSecond }),
  };
  const open = tasks.filter((task) => isOpen(task.state));
  const same = open.find((task) => isDeepStrictEqual(specOf(task), specOf(spec)));
  // One that began with other sources, because some did not answer then or do not now.
  for (const task of open) if (task !== same) await moves.drop(task.id);
  const id = same?.id ?? (await moves.add(spec, rates, migration.id));
  // A server that had lost the migration without knowing may have dropped it.
  if ((await moves.ended(id, signal)).state === 'cancelled')
    throw new RoostError('Unavailable', `move ${id} was cancelled; another takes its place`, { fields: { move: id } });
  return moves.finished(id, signal);
}

const specOf = ({ kind, sources, targets, range }: MoveSpec): unknown => [
  kind,
  [...sources, ...targets].map((shard) => shardKey(shard.id)),
  range?.from,
  range?.to,
];

/**
 * Whatever one source has acknowledged, the others have or will get from the journal: silent ones can be left out,
 * but not all.
 */
async function reachable(spec: MoveSpec, context: StepContext): Promise<MoveSpec> {
  const sources = await answering(spec.sources, context);
  if (sources.length === 0)
    throw new RoostError(
      'Unavailable',
      `none of ${spec.sources.map((shard) => shardKey(shard.id)).join(', ')} answers`,
    );
  return { ...spec, sources };
}

async function answering(shards: readonly ShardInfo[], { hosts }: StepContext): Promise<ShardInfo[]> {
  const answers = await Promise.all(shards.map((shard) => hosts.host(shard.id.hostname).answers()));
  return shards.filter((_, i) => answers[i]);
}

function typeOf(shard: ShardInfo, { types }: StepContext): ShardType {
  const type = types.get(shard.type);
  if (type !== undefined) return type;
  throw new RoostError('FailedPrecondition', `this server knows no shards of type ${shard.type}`, {
    fields: { type: shard.type },
  });
}
