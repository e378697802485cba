import { isRoostError, RoostError, type Deadline } from '../../core/index.js';
import type { DatabaseHost, SqlSession } from '../hosts/databaseHost.js';
import { readHostClock } from '../hosts/hostClock.js';
import type { Change } from '../topology/changes.js';
import { changesBetween } from '../topology/changesBetween.js';
import type { TopologyState } from '../topology/types.js';
import { pruneAudit, readAudit, readAuditFrom, writeAudit, type AuditEntry, type AuditRetention } from './audit.js';
import { nameServerTables } from './nameServerTables.js';
import { findLog, overwriteLogs, readEntries, readLogs, writeLogChange, type LogChange, type RollbackEntry, type RollbackLog } from './rollbackLog.js';
import { loadTopology, writeChange, type TableName } from './topologySql.js';

/** Which change a replica has seen last. Replicas whose heads are equal hold the same. */
export interface Head {
  readonly version: number;
  readonly changeId: string;
}

/** What is stored as one: changes of the topology and of rollback logs. */
export interface Step {
  readonly changes: readonly Change[];
  /** Only on top of this version. Absent: on top of whatever there is. */
  readonly onVersion?: number;
  readonly logs: readonly LogChange[];
}

/** A step that a replica has stored, for others to follow. */
export interface StoredStep extends Step {
  readonly before: Head;
  readonly state: TopologyState;
  readonly audit: AuditEntry;
}

/** All that a replica holds, but the audit. */
export interface StoreContent {
  readonly head: Head;
  readonly state: TopologyState;
  readonly logs: readonly (RollbackLog & { readonly entries: readonly RollbackEntry[] })[];
}

/** Entries of one log that are copied to another replica. */
const maxLogEntries = 100_000;
const auditRowsPerRead = 100;

export const sameHead = (a: Head, b: Head): boolean => a.version === b.version && a.changeId === b.changeId;

/** One replica of the name server's database: its SQL, and nothing else. */
export class NameServerStore {
  readonly #database: string;
  readonly #table: TableName;

  /** `database` must be a checked identifier. */
  constructor(
    readonly host: DatabaseHost,
    database: string,
    private readonly retention: AuditRetention,
  ) {
    this.#database = `\`${database}\``;
    this.#table = (table) => `${this.#database}.\`${table}\``;
  }

  /** Makes what is missing of a set-up that never finished; changes nothing where it has. */
  async create(deadline: Deadline): Promise<void> {
    await this.host.run(`CREATE DATABASE IF NOT EXISTS ${this.#database}`, [], deadline);
    if ((await this.#head(this.host, deadline)) !== undefined) return;
    for (const [table, columns] of Object.entries(nameServerTables)) {
      await this.host.run(`CREATE TABLE IF NOT EXISTS ${this.#table(table)} ${columns} ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`, [], deadline);
    }
    await this.host.run(`INSERT IGNORE INTO ${this.#table('meta')} (id, version, change_id) VALUES (1, 0, '')`, [], deadline);
  }

  /** Throws `FailedPrecondition` where the name server was never set up. */
  async head(deadline: Deadline): Promise<Head> {
    return (await this.#head(this.host, deadline)) ?? this.#notSetUp();
  }

  /** The whole topology, as of one moment. */
  load(deadline: Deadline): Promise<{ readonly head: Head; readonly state: TopologyState }> {
    return this.host.transaction(deadline, async (session) => {
      // Shared locks on the version's row keep a change from committing between two of the statements below.
      const head = (await this.#head(session, deadline, 'LOCK IN SHARE MODE')) ?? this.#notSetUp();
      return { head, state: await this.#state(session, head, deadline) };
    });
  }

  /** Everything that another replica needs to be the same, as of one moment. */
  content(deadline: Deadline): Promise<StoreContent> {
    return this.host.transaction(deadline, async (session) => {
      const head = (await this.#head(session, deadline, 'LOCK IN SHARE MODE')) ?? this.#notSetUp();
      const logs: StoreContent['logs'][number][] = [];
      for (const log of await readLogs(session, this.#table, deadline)) {
        logs.push({ ...log, entries: await readEntries(session, this.#table, log.logId, maxLogEntries, deadline) });
      }
      return { head, state: await this.#state(session, head, deadline), logs };
    });
  }

  /** Stores a step in one transaction. `decide` gets the state it applies to, locked, and gives the one after it; it throws to refuse the step. */
  lead(step: Step, by: { readonly changeId: string; readonly by: string }, deadline: Deadline, decide: (before: TopologyState) => TopologyState): Promise<StoredStep> {
    return this.host.transaction(deadline, async (session) => {
      const before = (await this.#head(session, deadline, 'FOR UPDATE')) ?? this.#notSetUp();
      const old = await this.#state(session, before, deadline);
      const state = decide(old);
      const audit: AuditEntry = {
        version: state.version,
        ...by,
        // By the host's clock: what the audit forgets by age must not depend on that of a server.
        changedAtMs: await readHostClock(session, deadline),
        changes: step.changes,
        inverse: changesBetween(state, old),
      };
      await this.#write(session, step, audit, deadline);
      return { ...step, before, state, audit };
    });
  }

  /** Stores a step that the primary has stored. False, and nothing is changed, where this replica had not seen all before it. */
  follow(step: StoredStep, deadline: Deadline): Promise<boolean> {
    return this.host.transaction(deadline, async (session) => {
      const head = await this.#head(session, deadline, 'FOR UPDATE');
      if (head !== undefined && sameHead(head, { version: step.audit.version, changeId: step.audit.changeId })) return true;
      if (head === undefined || !sameHead(head, step.before)) return false;
      await this.#write(session, step, step.audit, deadline);
      return true;
    });
  }

  /** Becomes the same as another replica. False, and nothing is changed, where this one is by now the same, or newer. */
  async overwrite(source: NameServerStore, deadline: Deadline): Promise<boolean> {
    await this.create(deadline);
    const own = await this.head(deadline);
    const content = await source.content(deadline);
    for (let from = own.version; ; ) {
      const entries = await readAuditFrom(source.host, source.#table, from, auditRowsPerRead, deadline);
      for (const entry of entries) if (entry.version <= content.head.version) await writeAudit(this.host, this.#table, entry, deadline);
      const last = entries.at(-1);
      if (last === undefined || entries.length < auditRowsPerRead) break;
      from = last.version + 1;
    }
    return this.host.transaction(deadline, async (session) => {
      const head = (await this.#head(session, deadline, 'FOR UPDATE')) ?? this.#notSetUp();
      if (head.version > content.head.version || sameHead(head, content.head)) return false;
      for (const change of changesBetween(await this.#state(session, head, deadline), content.state)) await writeChange(session, this.#table, change, deadline);
      await overwriteLogs(session, this.#table, content.logs, deadline);
      await this.#setHead(session, content.head, deadline);
      return true;
    });
  }

  /** The newest changes below a version, newest first. */
  audit(belowVersion: number, count: number, deadline: Deadline): Promise<AuditEntry[]> {
    return readAudit(this.host, this.#table, belowVersion, count, deadline);
  }

  findLog(name: string, deadline: Deadline): Promise<RollbackLog | undefined> {
    return findLog(this.host, this.#table, name, deadline);
  }

  logEntries(logId: string, count: number, deadline: Deadline): Promise<RollbackEntry[]> {
    return readEntries(this.host, this.#table, logId, count, deadline);
  }

  async #write(session: SqlSession, step: Step, audit: AuditEntry, deadline: Deadline): Promise<void> {
    for (const change of step.changes) await writeChange(session, this.#table, change, deadline);
    for (const change of step.logs) await writeLogChange(session, this.#table, change, deadline);
    await writeAudit(session, this.#table, audit, deadline);
    await pruneAudit(session, this.#table, audit, this.retention, deadline);
    await this.#setHead(session, audit, deadline);
  }

  async #setHead(session: SqlSession, head: Head, deadline: Deadline): Promise<void> {
    await session.run(`UPDATE ${this.#table('meta')} SET version = ?, change_id = ? WHERE id = 1`, [head.version, head.changeId], deadline);
  }

  async #state(session: SqlSession, head: Head, deadline: Deadline): Promise<TopologyState> {
    try {
      return { version: head.version, ...(await loadTopology(session, this.#table, deadline)) };
    } catch (error) {
      if (!isRoostError(error, 'FailedPrecondition')) throw error;
      throw new RoostError(
        'FailedPrecondition',
        `the name server on ${this.host.name} is damaged (${error.message}): restore database ${this.#database} from a backup or, where another replica is whole, drop it`,
        { cause: error, fields: { host: this.host.name } },
      );
    }
  }

  async #head(session: SqlSession, deadline: Deadline, lock = ''): Promise<Head | undefined> {
    try {
      const [row] = await session.rows(`SELECT version, change_id FROM ${this.#table('meta')} WHERE id = 1 ${lock}`, [], deadline);
      return row === undefined ? undefined : { version: Number(row[0]), changeId: String(row[1]) };
    } catch (error) {
      if (isRoostError(error, 'FailedPrecondition')) return undefined;
      throw error;
    }
  }

  #notSetUp(): never {
    throw new RoostError('FailedPrecondition', `the name server on ${this.host.name} is not set up (database ${this.#database}): "roost serve" and "roost graph create" set it up`, {
      fields: { host: this.host.name },
    });
  }
}
