import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Deadline, RoostError } from '../../core/index.js';
import type { DatabaseHosts } from '../hosts/databaseHosts.js';
import type { Moves } from '../moving/moves.js';
import { isOpen, type MoveSpec, type MoveTask } from '../moving/moveTask.js';
import type { Servers } from '../moving/servers.js';
import type { NameServer } from '../nameServer/nameServer.js';
import type { ShardType } from '../shardType.js';
import type { Change } from '../topology/changes.js';
import type { Topology } from '../topology/topology.js';
import { shardKey, type ShardInfo } from '../topology/types.js';
import type { Migration, MigrationStep } from './migration.js';
import { retiredPrefix, type Action } from './steps.js';

const tableDeadlineMs = 60_000;
const lookDeadlineMs = 2_000;
/** A comparison that still finds something after so many rounds says that a write goes somewhere that it should not. */
const maxVerifyRounds = 10;

export interface StepEnvironment {
  readonly nameServer: NameServer;
  readonly servers: Servers;
  readonly moves: Moves;
  readonly hosts: DatabaseHosts;
  readonly types: ReadonlyMap<string, ShardType>;
  /** How long a process that only reads may keep an old topology. */
  readonly reloadMs: number;
}

/** One step's work for one migration. */
export interface StepContext extends StepEnvironment {
  readonly migration: Migration;
  /** Aborted when the work should be left as it is. */
  readonly signal: AbortSignal;
  /** Throws when the migration is not this server's any more. */
  readonly stillOurs: () => Promise<void>;
}

/** Does what a step says, or what undoes it; returns what was seen. Repeating it does no harm. */
export async function runAction(action: Action, context: StepContext): Promise<MigrationStep['evidence']> {
  switch (action.kind) {
    case 'nothing':
      return {};
    case 'createTables':
      for (const shard of action.shards) await typeOf(shard, context).create(context.hosts.host(shard.id.hostname), shard, Deadline.after(tableDeadlineMs));
      return { shards: action.shards.length };
    case 'dropTables':
      await letReadersGo(context);
      for (const shard of action.shards) await context.moves.movableType(shard.type).drop(context.hosts.host(shard.id.hostname), shard, Deadline.after(tableDeadlineMs));
      return { shards: action.shards.length };
    case 'retire':
      await letReadersGo(context);
      for (const shard of action.shards) {
        await context.moves.movableType(shard.type).rename(context.hosts.host(shard.id.hostname), shard, retiredPrefix(shard.id.tablePrefix), Deadline.after(tableDeadlineMs));
      }
      return { shards: action.shards.length };
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

/** Every server has let go of the tables; a process that only reads, and says nothing of itself, has after this time. */
const letReadersGo = ({ reloadMs, signal }: StepContext): Promise<void> => sleep(2 * reloadMs, undefined, { signal });

async function change(changes: readonly Change[], { nameServer, servers, migration, signal, stillOurs }: StepContext): Promise<MigrationStep['evidence']> {
  await nameServer.reload();
  const left = outstanding(nameServer.topology, changes);
  await stillOurs();
  if (left.length > 0) await nameServer.apply(left, `migration ${migration.id}`);
  const { version } = nameServer.topology;
  await servers.allHold(version, signal);
  return { changes: left.length, topology: version, servers: (await servers.list()).length };
}

/** The changes that are not made yet: a server may have died between making them and saying so. */
function outstanding(topology: Topology, changes: readonly Change[]): Change[] {
  const { links, forwardings } = topology.state;
  const linkOf = (parent: string, child: string): boolean => links.some((link) => shardKey(link.parent) === parent && shardKey(link.child) === child);
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

async function verify(spec: MoveSpec, context: StepContext): Promise<MigrationStep['evidence']> {
  const ids: number[] = [];
  for (let round = 1; round <= maxVerifyRounds; round++) {
    const task = await move(await reachable(spec, context), context);
    ids.push(task.id);
    if (task.differenceCount === 0) return { moves: ids, rows: task.rowsDone, rounds: round };
  }
  throw new RoostError('FailedPrecondition', `after ${maxVerifyRounds} comparisons rows are still missing: see moves ${ids.join(', ')}`, { fields: { migration: context.migration.id } });
}

/** Runs a move of the migration to its end: the one that is under way already, where a server died, or a new one. */
async function move(spec: MoveSpec, { moves, migration, signal }: StepContext): Promise<MoveTask> {
  const tasks = await moves.store.ofMigration(migration.id);
  const { minRowsPerSecond, maxRowsPerSecond } = migration.options;
  const rates = { ...(minRowsPerSecond === undefined ? {} : { minRowsPerSecond }), ...(maxRowsPerSecond === undefined ? {} : { maxRowsPerSecond }) };
  const open = tasks.filter((task) => isOpen(task.state));
  const same = open.find((task) => isDeepStrictEqual(specOf(task), specOf(spec)));
  // One that began with other sources, since some did not answer then or do not now.
  for (const task of open) if (task !== same) await moves.cancel(task.id, 'normal');
  return moves.finished(same?.id ?? (await moves.add(spec, rates, migration.id)), signal);
}

const specOf = ({ kind, sources, targets, range }: MoveSpec): unknown => [kind, [...sources, ...targets].map((shard) => shardKey(shard.id)), range?.from, range?.to];

/** What one source has acknowledged the others have too, or will get from the journal: those that do not answer can be left out, but not all. */
async function reachable(spec: MoveSpec, { hosts }: StepContext): Promise<MoveSpec> {
  const answers = await Promise.all(
    spec.sources.map((shard) =>
      hosts
        .host(shard.id.hostname)
        .rows('SELECT 1', [], Deadline.after(lookDeadlineMs))
        .then(
          () => true,
          () => false,
        ),
    ),
  );
  const sources = spec.sources.filter((_, i) => answers[i]);
  if (sources.length === 0) throw new RoostError('Unavailable', `none of ${spec.sources.map((shard) => shardKey(shard.id)).join(', ')} answers`);
  return { ...spec, sources };
}

function typeOf(shard: ShardInfo, { types }: StepContext): ShardType {
  const type = types.get(shard.type);
  if (type !== undefined) return type;
  throw new RoostError('FailedPrecondition', `this server knows no shards of type ${shard.type}`, { fields: { type: shard.type } });
}
