/**
 * The cluster as the dashboard shows it, in JSON: ids are text, times are milliseconds since 1970, absent figures are
 * null.
 */
export interface ClusterState {
  readonly cluster: string;
  readonly version: string;
  /** When it was gathered, by the clock of the server that was asked. */
  readonly atMs: number;
  readonly topologyVersion: number;
  /** The pages that stores bring. */
  readonly pages: PageLinks;
  readonly findings: readonly FindingView[];
  readonly servers: readonly ServerView[];
  readonly hosts: readonly HostView[];
  readonly migrations: MigrationsView;
  readonly queues: readonly QueueView[];
  readonly caches: CachesView;
  readonly heat: HeatView;
  /** Parts that could not be gathered this time, with the reasons. They keep their last known content. */
  readonly stale: Readonly<Partial<Record<StatePart, string>>>;
}

/** Paths and titles of pages. */
export type PageLinks = readonly (readonly [string, string])[];

export type StatePart = 'servers' | 'hosts' | 'migrations' | 'queues' | 'caches' | 'heat';

/** A fault. Findings are listed most urgent first. */
export interface FindingView {
  readonly kind: string;
  readonly subject: string;
  /** A sentence; commands stand between backticks. */
  readonly message: string;
  /** What to run next. */
  readonly command: string;
}

export interface ServerView {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly topologyVersion: number;
  readonly callsPerSecond: number | null;
  readonly p99Ms: number | null;
  /** Whether the server posts its figures. */
  readonly figures: boolean;
}

export interface HostView {
  readonly name: string;
  readonly backend: string;
  readonly state: 'up' | 'down';
  readonly reason: string;
  readonly shards: number;
  /** The host's own count, of queries by any client; null for a backend that does not count. */
  readonly queriesPerSecond: number | null;
  /** The last minutes of it, the oldest first. */
  readonly trend: readonly number[];
  /** Of statements of all servers. */
  readonly p99Ms: number | null;
  readonly usedBytes: number | null;
  readonly freeBytes: number | null;
  /** Callers of all servers that wait for a connection. `poolInUse`: connections in use. */
  readonly poolWaiting: number;
  readonly poolInUse: number;
}

export interface MigrationsView {
  /** The bounds on all copies, and whether the copies rest now; '' if there are none. */
  readonly throttle: string;
  readonly list: readonly MigrationView[];
  /** Migrations under way that are not in the list. */
  readonly more: number;
}

export interface MigrationView {
  readonly id: number;
  readonly title: string;
  readonly state: string;
  readonly goal: string;
  readonly phase: string | null;
  /** Each phase that it has, in order. */
  readonly phases: readonly { readonly name: string; readonly state: 'pending' | 'running' | 'done' }[];
  readonly rowsDone: number;
  readonly rowsTotal: number;
  readonly rowsPerSecond: number;
  readonly leftMs: number | null;
  /** Why the migration is slowed or rests; '' if it is not. */
  readonly heldUp: string;
  readonly verified: 'yes' | 'no' | 'running';
  /** The end of the time for a rollback, as the end of a sentence. */
  readonly rollBackUntil: string;
}

export interface QueueView {
  readonly priority: string;
  readonly paused: boolean;
  readonly queued: number;
  readonly oldestMs: number | null;
  readonly appliedPerSecond: number | null;
  readonly failing: number;
  readonly oldestFailingMs: number | null;
  readonly bad: number;
  /** The error of the last attempt at the oldest bad job, or at the oldest failing job if none is bad. */
  readonly lastError: string;
}

export interface CachesView {
  readonly list: readonly CacheView[];
  readonly nodes: readonly CacheNodeView[];
}

export interface CacheView {
  readonly name: string;
  /** Hits per hundred reads, over the last seconds; null without reads. */
  readonly hitPercent: number | null;
  /** What this kind of cache reached at Twitter; null for other kinds. */
  readonly usualPercent: number | null;
  readonly readsPerSecond: number | null;
}

export interface CacheNodeView {
  readonly pool: string;
  readonly node: string;
  readonly state: string;
  readonly answers: boolean;
  readonly items: number | null;
  readonly fillPercent: number | null;
}

/** The activity in each part of each table's hash space. */
export interface HeatView {
  /** From the start of one row of a table to that of the next. */
  readonly rowMs: number;
  readonly tables: readonly TableHeat[];
  readonly trees: readonly {
    readonly root: string;
    readonly readsPerSecond: number;
    readonly writesPerSecond: number;
  }[];
  readonly keys: readonly { readonly table: string; readonly key: string; readonly writesPerSecond: number }[];
}

export interface TableHeat {
  readonly table: number;
  readonly name: string;
  /**
   * Newest first. Each row has a digit for each part of the hash space, from 0 (nothing) to 9 (the busiest of all).
   */
  readonly rows: readonly string[];
  readonly perSecond: number;
}

/** The parts of a state that differ from an earlier state. */
export function changedParts(before: ClusterState, after: ClusterState): Partial<ClusterState> {
  const changed = Object.entries(after).filter(
    ([part, value]) => JSON.stringify(value) !== JSON.stringify(before[part as keyof ClusterState]),
  );
  return Object.fromEntries(changed);
}
