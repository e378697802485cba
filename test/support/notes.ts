import { Deadline, type ErrorCode, type Priority, RoostError } from '../../core/index.js';
import {
  type Change,
  type FollowUp,
  Gizzard,
  type JobType,
  type Leaf,
  type NewJob,
  type ShardType,
  type ShardUpgrade,
} from '../../gizzard/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import { Metrics, silentLog, type Log, type RoostConfig } from '../../process/index.js';

/**
 * A value that a key holds. The values of a key are a set, so that notes may be applied in any order and any number
 * of times.
 */
export interface Note {
  readonly key: bigint;
  readonly value: number;
}

/** Hooks by which a test acts on a leaf's writes. */
export interface NotesHooks {
  /** The kind of job that the process knows. Absent: the kind of notes. */
  readonly kind?: string;
  /** The newest version of the kind that the process knows. Absent: 1. */
  readonly version?: number;
  /** The upgrades of note shards to newer schemas. Absent: there is version 1 alone. */
  readonly upgrades?: readonly ShardUpgrade<DatabaseHost>[];
  /** Called before items are applied to a leaf, in no transaction. If it throws, the items fail. */
  beforeApply?(leaf: string, notes: readonly Note[]): Promise<void> | void;
  followUps?(leaf: string, notes: readonly Note[]): readonly FollowUp[];
}

export const notesKind = 'test.notes';
/** Keys from here on belong to the second of two shards. */
export const secondShard = 2n ** 62n;

export const notesJob = (notes: readonly Note[]): NewJob => ({
  kind: notesKind,
  payload: Buffer.from(JSON.stringify(notes.map(({ key, value }) => [String(key), value]))),
});

const tableOf = (database: string, { tablePrefix }: { readonly tablePrefix: string }): string =>
  `\`${database}\`.\`${tablePrefix}_notes\``;
const sqlDeadlineMs = 10_000;
/** The table of a leaf, for statements of a test's own. */
export const notesTable = (gizzard: Gizzard, shard: { readonly tablePrefix: string }): string =>
  tableOf(gizzard.config.cluster, shard);

const notesShardType = (database: string, { upgrades = [] }: NotesHooks): ShardType<DatabaseHost> => ({
  name: 'notes',
  upgrades,
  async create(host, shard, deadline) {
    await host.run(`CREATE DATABASE IF NOT EXISTS \`${database}\``, [], deadline);
    await host.run(
      `CREATE TABLE IF NOT EXISTS ${tableOf(database, shard.id)} (k BIGINT NOT NULL, v INT NOT NULL, PRIMARY KEY (k, v)) ENGINE=InnoDB`,
      [],
      deadline,
    );
  },
});

const notesJobType = (database: string, hooks: NotesHooks): JobType<Note, DatabaseHost> => ({
  kind: hooks.kind ?? notesKind,
  ...(hooks.version === undefined ? {} : { version: hooks.version }),
  split(payload, add) {
    let pairs: [string, number][];
    try {
      pairs = JSON.parse(payload.toString()) as [string, number][];
    } catch (cause) {
      throw new RoostError('DataLoss', 'these are no notes', { cause });
    }
    for (const [key, value] of pairs) add(1, BigInt(key), { key: BigInt(key), value });
  },
  async apply(host, leaf, notes, deadline) {
    await hooks.beforeApply?.(leaf.key, notes);
    // Sorted, so that two processes do not wait for each other's rows.
    const rows = [...notes].sort((a, b) => (a.key === b.key ? a.value - b.value : a.key < b.key ? -1 : 1));
    await host.transaction(deadline, (session) =>
      session.run(
        `INSERT IGNORE INTO ${tableOf(database, leaf.shard.id)} (k, v) VALUES ${rows.map(() => '(?, ?)').join(', ')}`,
        rows.flatMap(({ key, value }) => [key, value]),
        deadline,
      ),
    );
    return hooks.followUps?.(leaf.key, notes) ?? [];
  },
});

const root = (name: string): { hostname: string; tablePrefix: string } => ({
  hostname: 'localhost',
  tablePrefix: `${name}_root`,
});
const info = (id: { hostname: string; tablePrefix: string }, type: string) => ({
  id,
  type,
  attributes: {},
  busy: 'normal' as const,
});

/** Returns the changes for table 1 in two shards, each replicated on the hosts. */
export function notesTopology(hosts: readonly string[]): Change[] {
  const shards = [
    ['first', 0n],
    ['second', secondShard],
  ] as const;
  return [
    { kind: 'createTable', table: { tableId: 1, name: 'notes', service: 'notes', hash: 'identity' } },
    ...shards.flatMap(([name, baseId]): Change[] => [
      { kind: 'createShard', shard: info(root(name), 'replicating') },
      ...hosts.flatMap((hostname): Change[] => [
        { kind: 'createShard', shard: info({ hostname, tablePrefix: name }, 'notes') },
        { kind: 'addLink', link: { parent: root(name), child: { hostname, tablePrefix: name }, weight: 1 } },
      ]),
      { kind: 'setForwarding', forwarding: { tableId: 1, baseId, shard: root(name) } },
    ]),
  ];
}

/** Returns a process's view of a cluster of notes; starts nothing. */
export const openNotes = (
  config: RoostConfig,
  hooks: NotesHooks = {},
  log: Log = silentLog,
  metrics = new Metrics(),
): Gizzard =>
  new Gizzard(config, { log, metrics }).register({
    shardTypes: [notesShardType(config.cluster, hooks)],
    jobTypes: [notesJobType(config.cluster, hooks)],
  });

/** Journals notes as one job. */
export const append = (
  gizzard: Gizzard,
  notes: readonly Note[],
  options: { readonly wait?: boolean; readonly deadlineMs?: number; readonly priority?: Priority } = {},
): Promise<void> =>
  gizzard.jobs.append([notesJob(notes)], {
    priority: options.priority ?? 'high',
    waitUntilApplied: options.wait ?? false,
    deadline: Deadline.after(options.deadlineMs ?? 20_000),
  });

/** Returns the notes that each leaf of the topology holds, as `key=value` in order. */
export async function notesOf(gizzard: Gizzard): Promise<Record<string, string[]>> {
  const read = async (host: DatabaseHost, leaf: Leaf): Promise<string[]> => {
    const rows = await host.rows(
      `SELECT k, v FROM ${tableOf(gizzard.config.cluster, leaf.shard.id)} ORDER BY k, v`,
      [],
      Deadline.after(sqlDeadlineMs),
    );
    return rows.map(([key, value]) => `${String(key)}=${String(value)}`);
  };
  const leaves = gizzard.topology.routes(1).flatMap((route) => route.leaves);
  return Object.fromEntries(
    await Promise.all(
      leaves.map(async (leaf) => [leaf.key, await read(gizzard.mysql.host(leaf.shard.id.hostname), leaf)] as const),
    ),
  );
}

/** Returns a hook that fails the leaves whose name contains a text, while `while_` returns true. */
export function failOn(leafPart: string, code: ErrorCode, while_: () => boolean = () => true): (leaf: string) => void {
  return (leaf) => {
    if (leaf.includes(leafPart) && while_()) throw new RoostError(code, `${leaf} fails on purpose`);
  };
}
