import type { ReplicasHealth } from '../control/replicasHealth.js';
import type { RoostConfig } from '../../process/index.js';
import type { Hosts } from '../hosts.js';
import type { Jobs } from '../jobs/jobs.js';
import type { Migrations } from '../migrations/migrations.js';
import type { DroppedTables } from '../moving/droppedTables.js';
import type { Moves } from '../moving/moves.js';
import type { Difference, MoveTask } from '../moving/moveTask.js';
import type { Servers } from '../moving/servers.js';
import type { NameServer } from '../nameServer/nameServer.js';
import type { ShardType } from '../shardType.js';
import type { Change } from '../topology/changes.js';
import type { Topology } from '../topology/topology.js';
import type { ShardInfo } from '../topology/types.js';

/** The way to put a finding right. Dropping tables loses their content, and needs an explicit request. */
export type Remedy =
  | { readonly kind: 'change'; readonly changes: readonly Change[] }
  | { readonly kind: 'dropTables'; readonly shard: ShardInfo }
  | { readonly kind: 'repair'; readonly shards: readonly ShardInfo[] };

export interface Finding {
  /** In camelCase, for programs: `missingTables`. `notExamined` if something could not be examined. */
  readonly kind: string;
  /** The shard, host, server, queue or migration. */
  readonly subject: string;
  readonly message: string;
  /** For replicas that differ: the first differing rows, if single rows are known. */
  readonly differences?: readonly Difference[];
  /** Absent if a person has to decide. */
  readonly remedy?: Remedy;
}

export interface DoctorEnvironment {
  readonly nameServer: NameServer;
  readonly replicas: ReplicasHealth;
  readonly hosts: Hosts;
  readonly moves: Moves;
  readonly dropped: DroppedTables;
  /** How long dropped tables are kept. */
  readonly keepDroppedMs: number;
  readonly migrations: Migrations;
  readonly jobs: Jobs;
  readonly servers: Servers;
  readonly config: Pick<RoostConfig, 'journal' | 'server'>;
  readonly types: ReadonlyMap<string, ShardType>;
}

/** The data that all checks of one examination share. */
export interface Examination extends DoctorEnvironment {
  readonly topology: Topology;
  /** The migration of each reserved shard. */
  readonly reserved: ReadonlyMap<string, number>;
  /** Unfinished moves. */
  readonly openMoves: readonly MoveTask[];
  /** Shards with tables that migrations left behind, with the migration. */
  readonly leftBehind: ReadonlyMap<string, number>;
}

/** One check of the doctor. Changes nothing. Stores may bring checks of their own: `GizzardOptions.checks`. */
export interface Check {
  /** What it examines, as in "replicas could not be examined". */
  readonly name: string;
  /** Whether it costs so little that it may run every second. Absent: it does not. */
  readonly quick?: true;
  /** If it throws, the doctor reports a finding `notExamined`. */
  examine(examination: Examination): Promise<readonly Finding[]> | readonly Finding[];
}
