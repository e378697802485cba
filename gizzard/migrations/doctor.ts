import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline, isRoostError, RoostError, type RoostConfig } from '../../core/index.js';
import type { DatabaseHosts } from '../hosts/databaseHosts.js';
import type { DroppedTables } from '../moving/droppedTables.js';
import { differingRows } from '../moving/differingRows.js';
import type { Movable, MovableTable } from '../moving/movable.js';
import { isOpen, type Difference } from '../moving/moveTask.js';
import type { Moves } from '../moving/moves.js';
import type { Servers } from '../moving/servers.js';
import { wrongClocks } from './wrongClocks.js';
import type { NameServer } from '../nameServer/nameServer.js';
import { nodeType } from '../nodes/index.js';
import type { ShardType } from '../shardType.js';
import type { Change } from '../topology/changes.js';
import type { Topology } from '../topology/topology.js';
import { parseShardId, shardKey, type ShardInfo, type TableInfo } from '../topology/types.js';
import type { Jobs } from '../jobs/jobs.js';
import { journalFindings } from './journalFindings.js';
import { laggingReplicas } from './laggingReplicas.js';
import type { Migrations } from './migrations.js';
import { unretiredPrefix } from './steps.js';

const hostDeadlineMs = 10_000;
/** Replicas that are being written may disagree for a moment. */
const countAgain = 4;
const countAgainAfterMs = 250;
const movesLookedAt = 1_000;
/** Trees whose replicas are compared at a time. */
const treesAtOnce = 4;
/** Rows that a finding names; past it the replicas are not compared further, since a repair goes through all of them. */
const namedRows = 10;

export const findingKinds = ['unreachableHost', 'restingMigration', 'busyWithoutMove', 'leftOverLink', 'idleLink', 'unusedShard', 'unnamedTables', 'missingTables', 'disagreeingReplicas', 'laggingReplicas', 'wrongClock', 'journalLost', 'journalSetting', 'refusingServer'] as const;
export type FindingKind = (typeof findingKinds)[number];

/** How a finding is put right. Dropping tables loses what is in them, and is done only where it is asked for by name. */
export type Remedy =
  | { readonly kind: 'change'; readonly changes: readonly Change[] }
  | { readonly kind: 'dropTables'; readonly shard: ShardInfo }
  | { readonly kind: 'repair'; readonly shards: readonly ShardInfo[] };

export interface Finding {
  readonly kind: FindingKind;
  /** The shard, host or migration. */
  readonly subject: string;
  readonly message: string;
  /** Of replicas that disagree: the first rows that do, where single rows are known. */
  readonly differences?: readonly Difference[];
  /** Absent where somebody has to decide. */
  readonly remedy?: Remedy;
}

/** A finding that was put right. */
export interface Fixed {
  readonly finding: Finding;
  /** Set where servers are still at it: the number of the repair. */
  readonly move?: number;
}

export interface DoctorEnvironment {
  readonly nameServer: NameServer;
  readonly hosts: DatabaseHosts;
  readonly hostNames: readonly string[];
  readonly moves: Moves;
  readonly dropped: DroppedTables;
  /** How long tables that are dropped are kept. */
  readonly keepDroppedMs: number;
  readonly migrations: Migrations;
  readonly jobs: Jobs;
  readonly servers: Servers;
  readonly config: Pick<RoostConfig, 'journal' | 'server'>;
  readonly types: ReadonlyMap<string, ShardType>;
}

/** Finds what half-done work, and hands, have left behind in a cluster, and puts it right. */
export class Doctor {
  constructor(private readonly environment: DoctorEnvironment) {}

  /** Looks, and changes nothing. */
  async examine(): Promise<Finding[]> {
    const { nameServer, migrations, moves } = this.environment;
    await nameServer.reload();
    const { topology } = nameServer;
    const reserved = await migrations.reservations();
    const open = (await moves.store.list({ active: true, limit: movesLookedAt })).filter((move) => isOpen(move.state));
    const moving = new Set(open.flatMap((move) => [...move.sources, ...move.targets].map((shard) => shardKey(shard.id))));
    return [
      ...(await this.#migrations()),
      ...topology.state.shards.filter((shard) => shard.busy !== 'normal' && !moving.has(shardKey(shard.id))).map(busyWithoutMove),
      ...links(topology, reserved),
      ...unusedShards(topology, reserved),
      ...(await this.#tables(topology, reserved, await migrations.leftBehind())),
      ...(await this.#replicas(topology, reserved)),
      ...(await laggingReplicas(this.environment.jobs)),
      ...(await wrongClocks(this.environment)),
      ...(await journalFindings(this.environment.jobs, this.environment.servers, this.environment.config)),
    ];
  }

  /** Puts findings right where that is possible; `dropTables`: also where data is lost. Returns those that it put right; replicas are repaired by servers, later. */
  async fix(findings: readonly Finding[], options: { readonly dropTables: boolean }): Promise<Fixed[]> {
    const { nameServer, moves } = this.environment;
    const fixed: Fixed[] = [];
    const changes = findings.filter(({ remedy }) => remedy?.kind === 'change');
    if (changes.length > 0) {
      const all = unique(changes.flatMap(({ remedy }) => (remedy?.kind === 'change' ? remedy.changes : [])));
      const marks = all.filter(({ kind }) => kind === 'markBusy');
      const others = all.filter(({ kind }) => kind !== 'markBusy');
      if (others.length > 0) await nameServer.apply(others, 'roost doctor --fix');
      // A migration's shards too: no move works with them.
      if (marks.length > 0) await nameServer.apply(marks, 'roost doctor --fix', { maker: 'moves' });
      fixed.push(...changes.map((finding) => ({ finding })));
    }
    for (const finding of findings) {
      const { remedy } = finding;
      if (remedy?.kind === 'repair') {
        fixed.push({ finding, move: await moves.request('repair', remedy.shards.map((shard) => shard.id)) });
      }
      if (remedy?.kind === 'dropTables' && options.dropTables) {
        if (await this.#setAside(remedy.shard)) fixed.push({ finding });
      }
    }
    return fixed;
  }

  /** False where somebody has begun to use the tables since they were looked at. */
  async #setAside(shard: ShardInfo): Promise<boolean> {
    const { nameServer, dropped, keepDroppedMs } = this.environment;
    try {
      // From here on nobody can, however long this process takes.
      await nameServer.spend([shard.id], 'roost doctor --fix');
    } catch (error) {
      if (isRoostError(error, 'FailedPrecondition')) return false;
      throw error;
    }
    await dropped.setAside(shard, { why: 'no shard named them: roost doctor --fix --drop-tables', keepMs: keepDroppedMs });
    return true;
  }

  async #migrations(): Promise<Finding[]> {
    const active = await this.environment.migrations.list({ active: true });
    return active
      .filter(({ state }) => state === 'failed' || state === 'paused')
      .map(({ id, state, error }) => ({ kind: 'restingMigration', subject: `migration ${id}`, message: `migration ${id} ${state === 'failed' ? `has failed: ${error}` : 'is paused'}; resume it or roll it back` }));
  }

  async #tables(topology: Topology, reserved: ReadonlyMap<string, number>, left: ReadonlyMap<string, number>): Promise<Finding[]> {
    const { hostNames, types, hosts } = this.environment;
    const found = await Promise.all(
      hostNames.flatMap((hostname) =>
        [...types.values()].map(async (type): Promise<Finding[]> => {
          if (type.moving === undefined) return [];
          try {
            const stored = await type.moving.stored(hosts.host(hostname), Deadline.after(hostDeadlineMs));
            return [
              ...[...stored].flatMap(([tablePrefix, bytes]) => unnamed({ hostname, tablePrefix }, bytes, type.name, topology, reserved, left)),
              ...topology.state.shards.filter((shard) => shard.type === type.name && shard.id.hostname === hostname && !stored.has(shard.id.tablePrefix)).map(missingTables),
            ];
          } catch (error) {
            const waiting = [...left.keys()].filter((shard) => parseShardId(shard).hostname === hostname);
            const tables = waiting.length === 0 ? '' : `; migrations have left tables behind on it: ${waiting.join(', ')}`;
            return [{ kind: 'unreachableHost', subject: hostname, message: `host ${hostname} cannot be looked at: ${RoostError.from(error).message}${tables}` }];
          }
        }),
      ),
    );
    return found.flat();
  }

  async #replicas(topology: Topology, reserved: ReadonlyMap<string, number>): Promise<Finding[]> {
    const trees = new Map<string, { readonly table: TableInfo; readonly replicas: readonly ShardInfo[] }>();
    for (const table of topology.tables) {
      for (const { root, leaves } of topology.routes(table.tableId)) {
        const replicas = leaves.filter((leaf) => leaf.read === 'allow' && leaf.write === 'allow').map((leaf) => leaf.shard);
        const key = shardKey(root.id);
        if (replicas.length > 1 && !reserved.has(key) && this.#movable(replicas[0]!) !== undefined) trees.set(key, { table, replicas });
      }
    }
    const findings: Finding[] = [];
    const waiting = [...trees];
    const examine = async (): Promise<void> => {
      for (let tree = waiting.shift(); tree !== undefined; tree = waiting.shift()) {
        const [root, { table, replicas }] = tree;
        const found = await this.#disagreement(replicas).catch((error: unknown) => {
          // A host that does not answer, and tables that are missing, have findings of their own.
          if (error instanceof RoostError && (error.retryable || error.code === 'FailedPrecondition')) return undefined;
          throw error;
        });
        if (found === undefined) continue;
        const message = `the replicas of table ${table.tableId} (${table.name}) below ${root} do not hold the same: ${found.text}`;
        findings.push({ kind: 'disagreeingReplicas', subject: root, message, differences: found.differences, remedy: { kind: 'repair', shards: replicas } });
      }
    };
    await Promise.all(Array.from({ length: treesAtOnce }, examine));
    return findings.sort((a, b) => (a.subject < b.subject ? -1 : 1));
  }

  #movable({ type }: ShardInfo): Movable | undefined {
    return this.environment.types.get(type)?.moving;
  }

  /**
   * What replicas hold differently. A type with counters shows lost writes in them: their rows are compared, and those of its other tables counted, since an audit of its own reads these.
   * Of a type without counters all rows are compared.
   */
  async #disagreement(replicas: readonly ShardInfo[]): Promise<{ readonly text: string; readonly differences: readonly Difference[] } | undefined> {
    const { tables } = this.#movable(replicas[0]!)!;
    const differences: Difference[] = [];
    const counters = tables.filter(({ contradictions }) => contradictions !== undefined);
    const compared = counters.length > 0 ? counters : tables;
    for (const table of compared) differences.push(...(await differingRows(table, replicas, (name) => this.environment.hosts.host(name), namedRows)));
    if (differences.length > 0) {
      const more = differences.length > namedRows ? ['and perhaps more'] : [];
      return { text: [...differences.slice(0, namedRows).map(differenceText), ...more].join('; '), differences: differences.slice(0, namedRows) };
    }
    const counts = await this.#differingCounts(tables.filter((table) => !compared.includes(table)), replicas);
    return counts === undefined ? undefined : { text: counts, differences: [] };
  }

  /** How many rows replicas have, where the numbers still differ after some looks. */
  async #differingCounts(tables: readonly MovableTable[], replicas: readonly ShardInfo[]): Promise<string | undefined> {
    for (let look = 1; ; look++) {
      const counts = await Promise.all(
        replicas.map(async (shard) => {
          const host = this.environment.hosts.host(shard.id.hostname);
          const rows = await Promise.all(tables.map(async (table) => `${await table.count(host, shard, Deadline.after(hostDeadlineMs))} ${table.name}`));
          return rows.join(' and ');
        }),
      );
      if (new Set(counts).size === 1) return undefined;
      if (look === countAgain) return counts.map((count, i) => `${shardKey(replicas[i]!.id)} has ${count}`).join(', ');
      await sleep(countAgainAfterMs);
    }
  }
}

/** The columns of a row in which replicas differ, with the value of each. */
function differenceText({ table, key, rows }: Difference): string {
  const replicas = Object.entries(rows);
  const columns = [...new Set(replicas.flatMap(([, row]) => Object.keys(row ?? {})))].filter((column) => new Set(replicas.map(([, row]) => row?.[column])).size > 1);
  return `${table} ${key}: ${replicas.map(([shard, row]) => (row === null ? `${shard} does not have it` : `${shard} has ${columns.map((column) => `${column} ${row[column]}`).join(', ')}`)).join(' and ')}`;
}

const missingTables = ({ id, type }: ShardInfo): Finding => ({
  kind: 'missingTables',
  subject: shardKey(id),
  message: `shard ${shardKey(id)} (${type}) has no tables on ${id.hostname}: bring them back from a backup (or \`roost shard undrop\`), or replace the shard by a copy of another replica`,
});

const busyWithoutMove = (shard: ShardInfo): Finding => ({
  kind: 'busyWithoutMove',
  subject: shardKey(shard.id),
  message: `shard ${shardKey(shard.id)} is marked ${shard.busy}, and nothing is being copied from or to it`,
  remedy: { kind: 'change', changes: [{ kind: 'markBusy', id: shard.id, busy: 'normal' }] },
});

function reachable(topology: Topology): Set<string> {
  const found = new Set<string>();
  const waiting = topology.state.forwardings.map((forwarding) => forwarding.shard);
  for (const id of waiting) {
    if (found.has(shardKey(id))) continue;
    found.add(shardKey(id));
    waiting.push(...topology.children(id).map((link) => link.child));
  }
  return found;
}

function links(topology: Topology, reserved: ReadonlyMap<string, number>): Finding[] {
  const used = reachable(topology);
  return topology.state.links.flatMap((link): Finding[] => {
    const [parent, child] = [shardKey(link.parent), shardKey(link.child)];
    if (reserved.has(parent) || reserved.has(child)) return [];
    if (!used.has(parent) && used.has(child)) {
      const changes: Change[] = [{ kind: 'removeLink', parent: link.parent, child: link.child }];
      return [{ kind: 'leftOverLink', subject: `${parent} → ${child}`, message: `nothing forwards to ${parent}, which is still linked to ${child}`, remedy: { kind: 'change', changes } }];
    }
    if (used.has(parent) && link.weight === 0 && nodeType(topology.shard(link.parent).type)?.replicates === true) {
      return [{ kind: 'idleLink', subject: `${parent} → ${child}`, message: `${child} is written and never read: its link below ${parent} has weight 0, and no migration is under way` }];
    }
    return [];
  });
}

function unusedShards(topology: Topology, reserved: ReadonlyMap<string, number>): Finding[] {
  const used = reachable(topology);
  const unused = topology.state.shards.filter((shard) => !used.has(shardKey(shard.id)) && !reserved.has(shardKey(shard.id)));
  return unused.map((shard) => {
    const around = [...topology.parents(shard.id), ...topology.children(shard.id)];
    const changes: Change[] = [...around.map(({ parent, child }): Change => ({ kind: 'removeLink', parent, child })), { kind: 'deleteShard', id: shard.id }];
    return { kind: 'unusedShard', subject: shardKey(shard.id), message: `nothing forwards to shard ${shardKey(shard.id)} (${shard.type})`, remedy: { kind: 'change', changes } };
  });
}

function unnamed(id: ShardInfo['id'], bytes: number, type: string, topology: Topology, reserved: ReadonlyMap<string, number>, left: ReadonlyMap<string, number>): Finding[] {
  const key = shardKey(id);
  // A shard that is being taken away has its tables under another name for a while.
  const current = { ...id, tablePrefix: unretiredPrefix(id.tablePrefix) };
  if (topology.hasShard(id) || reserved.has(key) || reserved.has(shardKey(current))) return [];
  const shard: ShardInfo = { id, type, sourceType: '', destinationType: '', busy: 'normal' };
  const migration = left.get(key) ?? left.get(shardKey(current));
  const why = migration === undefined ? '' : `: migration ${migration} left them behind when the host did not answer`;
  return [{ kind: 'unnamedTables', subject: key, message: `host ${id.hostname} holds tables of ${id.tablePrefix} (${bytes} bytes) that no shard names${why}`, remedy: { kind: 'dropTables', shard } }];
}

/** Two findings may want the same link gone; links go before the shards that they hang on. */
function unique(changes: readonly Change[]): Change[] {
  const seen = new Map(changes.map((change) => [JSON.stringify(change, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)), change]));
  const order = (change: Change): number => (change.kind === 'deleteShard' ? 1 : 0);
  const deleted = new Set([...seen.values()].flatMap((change) => (change.kind === 'deleteShard' ? [shardKey(change.id)] : [])));
  return [...seen.values()].filter((change) => !(change.kind === 'markBusy' && deleted.has(shardKey(change.id)))).sort((a, b) => order(a) - order(b));
}
