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

/** How a finding is put right. Dropping tables loses what is in them, and is done only where it is asked for by name. */
export type Remedy =
  | { readonly kind: 'change'; readonly changes: readonly Change[] }
  | { readonly kind: 'dropTables'; readonly shard: ShardInfo }
  | { readonly kind: 'repair'; readonly shards: readonly ShardInfo[] };

export interface Finding {
  /** In camelCase, for programs: `missingTables`. `notExamined` where something could not be looked at. */
  readonly kind: string;
  /** The shard, host, server, queue or migration. */
  readonly subject: string;
  readonly message: string;
  /** Of replicas that disagree: the first rows that do, where single rows are known. */
  readonly differences?: readonly Difference[];
  /** Absent where somebody has to decide. */
  readonly remedy?: Remedy;
}

export interface DoctorEnvironment {
  readonly nameServer: NameServer;
  readonly replicas: ReplicasHealth;
  readonly hosts: Hosts;
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

/** What all checks of one examination look at together. */
export interface Examination extends DoctorEnvironment {
  readonly topology: Topology;
  /** The migrations that shards are in, by shard. */
  readonly reserved: ReadonlyMap<string, number>;
  /** Moves that have not ended. */
  readonly openMoves: readonly MoveTask[];
  /** Shards whose tables migrations have left behind, with the migration. */
  readonly leftBehind: ReadonlyMap<string, number>;
}

/** One thing that the doctor looks at. Changes nothing. A store may bring checks of its own: `GizzardOptions.checks`. */
export interface Check {
  /** What it looks at, as in "replicas could not be looked at". */
  readonly name: string;
  /** Whether it costs so little that it may run every second. Absent: it does not. */
  readonly quick?: true;
  /** Where it throws, the doctor has a finding `notExamined`. */
  examine(examination: Examination): Promise<readonly Finding[]> | readonly Finding[];
}
