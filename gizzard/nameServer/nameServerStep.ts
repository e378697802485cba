import type { Change } from '../topology/changes.js';
import type { ShardId, TopologyState } from '../topology/types.js';
import type { AuditEntry } from './audit.js';
import type { ChangeMaker } from './reservedTrees.js';
import type { LogChange, RollbackEntry, RollbackLog } from './rollbackLog.js';
import type { SpentName } from './spentNames.js';

/** A replica's last change. Replicas with equal heads hold the same. */
export interface Head {
  readonly version: number;
  readonly changeId: string;
}

/** Stored as one: changes of the topology, of rollback logs, of spent names, of the primary. */
export interface Step {
  readonly changes: readonly Change[];
  readonly maker?: ChangeMaker;
  /** Names that no shard has, and none may get again: their tables are about to go. */
  readonly spent?: readonly ShardId[];
  /** Spent names whose tables are back. */
  readonly revived?: readonly ShardId[];
  /** The host that decides on changes from now on. */
  readonly primary?: string;
  /** Only on top of this version. Absent: on top of any. */
  readonly onVersion?: number;
  readonly logs: readonly LogChange[];
}

/** A step that a replica has stored, for the others to follow. */
export interface StoredStep extends Step {
  readonly before: Head;
  readonly state: TopologyState;
  readonly audit: AuditEntry;
}

/** Everything on a replica except the audit. */
export interface StoreContent {
  readonly head: Head;
  readonly state: TopologyState;
  readonly logs: readonly (RollbackLog & { readonly entries: readonly RollbackEntry[] })[];
  readonly spent: readonly SpentName[];
  readonly primary: string | undefined;
}

export interface LockedTopology {
  readonly state: TopologyState;
  /** The migration of each reserved shard. */
  readonly reservations: ReadonlyMap<string, number>;
}

/**
 * The first change under a new primary skips this many versions: any changes that only the lost primary had are then
 * older wherever they reappear, and versions never go back.
 */
export const versionsPerPrimary = 1_000;

export const sameHead = (a: Head, b: Head): boolean => a.version === b.version && a.changeId === b.changeId;
