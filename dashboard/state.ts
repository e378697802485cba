/** The cluster as the dashboard shows it. All of it is JSON: ids are text, times are milliseconds since 1970, absent figures are null. */
export interface ClusterState {
  readonly cluster: string;
  readonly version: string;
  /** When it was gathered, by the clock of the server that was asked. */
  readonly atMs: number;
  readonly topologyVersion: number;
  readonly findings: readonly FindingView[];
  readonly servers: readonly ServerView[];
  readonly hosts: readonly HostView[];
  readonly migrations: MigrationsView;
  readonly queues: readonly QueueView[];
  readonly caches: CachesView;
  readonly heat: HeatView;
  /** The parts that could not be gathered this time, with the reason. They show what was known before. */
  readonly stale: Readonly<Partial<Record<StatePart, string>>>;
}

export type StatePart = 'servers' | 'hosts' | 'migrations' | 'queues' | 'caches' | 'heat';

/** A fault. The most urgent stands first. */
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
  /** Whether it posts its figures. */
  readonly figures: boolean;
}

export interface HostView {
  readonly name: string;
  readonly backend: string;
  /** `unused`: nothing lives on it, and nobody has asked it yet. */
  readonly state: 'up' | 'down';
  readonly reason: string;
  readonly shards: number;
  /** As the host itself counts, whoever asks; null for a backend that does not count. */
  readonly queriesPerSecond: number | null;
  /** The last minutes of it, the oldest first. */
  readonly trend: readonly number[];
  /** Of statements of all servers. */
  readonly p99Ms: number | null;
  readonly usedBytes: number | null;
  readonly freeBytes: number | null;
  /** Callers of all servers that wait for a connection, and connections in use. */
  readonly poolWaiting: number;
  readonly poolInUse: number;
}

export interface MigrationsView {
  /** How all copies are bounded, and whether they rest now; '' where they are not. */
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
  /** Why it is slower than it could be, or rests; '' where it is not. */
  readonly heldUp: string;
  readonly verified: 'yes' | 'no' | 'running';
  /** Until when it can be rolled back, as the end of a sentence. */
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
  /** What the last attempt at the oldest bad job said, or else at the oldest failing one. */
  readonly lastError: string;
}

export interface CachesView {
  readonly list: readonly CacheView[];
  readonly nodes: readonly CacheNodeView[];
}

export interface CacheView {
  readonly name: string;
  /** Hits of a hundred reads, over the last seconds; null without reads. */
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

/** How busy the parts of each table's hash space are. */
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
  /** The newest first: for each part of the hash space a digit, from 0 (nothing) to 9 (the busiest of all). */
  readonly rows: readonly string[];
  readonly perSecond: number;
}

/** The parts of a state that differ from those of an earlier one; undefined where only the time does. */
export function changedParts(before: ClusterState, after: ClusterState): Partial<ClusterState> {
  const changed = Object.entries(after).filter(
    ([part, value]) => JSON.stringify(value) !== JSON.stringify(before[part as keyof ClusterState]),
  );
  return Object.fromEntries(changed);
}
