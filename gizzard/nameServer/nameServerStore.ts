import { isRoostError, RoostError, type Deadline } from '../../core/index.js';
import type { DatabaseHost, SqlSession } from '../../mysql/index.js';
import { readHostClock } from '../../mysql/index.js';
import { AttributeForms } from '../shardAttributes.js';
import { changesBetween } from '../topology/changesBetween.js';
import { shardKey, type ShardId, type TopologyState } from '../topology/types.js';
import {
  pruneAudit,
  readAudit,
  readAuditFrom,
  removeAudit,
  writeAudit,
  type AuditEntry,
  type AuditRetention,
} from './audit.js';
import {
  sameHead,
  versionsPerPrimary,
  type Head,
  type LockedTopology,
  type Step,
  type StoreContent,
  type StoredStep,
} from './nameServerStep.js';
import { otherPrimary } from './primary.js';
import { NameServerSchema } from './nameServerSchema.js';
import { nameServerSchema, nameServerTables } from './nameServerTables.js';
import { refuseReserved, touchesTrees } from './reservedTrees.js';
import {
  findLog,
  overwriteLogs,
  readEntries,
  readLogs,
  writeLogChange,
  type RollbackEntry,
  type RollbackLog,
} from './rollbackLog.js';
import {
  firstSpent,
  overwriteSpentNames,
  readSpentNames,
  refuseSpent,
  reviveNames,
  spendNames,
  type SpentName,
} from './spentNames.js';
import { loadTopology, writeChange, type TableName } from './topologySql.js';

/** Entries of one log that are copied to another replica. */
const maxLogEntries = 100_000;
const auditRowsPerRead = 100;

/** One replica of the name server's database: its SQL and nothing else. */
export class NameServerStore {
  readonly #database: string;
  readonly #table: TableName;
  /** The schema of its tables. */
  readonly schema: NameServerSchema;

  /** `database` must be a checked identifier. */
  constructor(
    readonly host: DatabaseHost,
    database: string,
    private readonly retention: AuditRetention,
    private readonly forms = new AttributeForms(),
  ) {
    this.#database = `\`${database}\``;
    this.#table = (table) => `${this.#database}.\`${table}\``;
    this.schema = new NameServerSchema(host, database, this.#table, (session, deadline) =>
      this.#head(session, deadline),
    );
  }

  /** Completes an unfinished set-up, and notes the primary if none is noted; changes nothing else. */
  async create(deadline: Deadline, primary?: string): Promise<void> {
    await this.host.run(`CREATE DATABASE IF NOT EXISTS ${this.#database}`, [], deadline);
    const isSetUp = (await this.#head(this.host, deadline)) !== undefined;
    if (isSetUp) await this.schema.addMissing(deadline);
    else
      for (const [table, columns] of Object.entries(nameServerTables))
        await this.schema.createTable(table, columns, deadline);
    if (primary !== undefined)
      await this.host.run(
        `INSERT IGNORE INTO ${this.#table('primary_host')} (id, hostname) VALUES (1, ?)`,
        [primary],
        deadline,
      );
    if (!isSetUp) await this.schema.note(nameServerSchema, deadline);
    if (!isSetUp)
      await this.host.run(
        `INSERT IGNORE INTO ${this.#table('meta')} (id, version, change_id) VALUES (1, 0, '')`,
        [],
        deadline,
      );
  }

  /** Records the named attributes of shards of which an earlier release knew only the two texts. */
  async nameAttributes(deadline: Deadline): Promise<void> {
    await this.schema.addMissing(deadline);
    await this.host.transaction(deadline, async (session) => {
      const head = (await this.#head(session, deadline, 'FOR UPDATE')) ?? this.#notSetUp();
      const { shards } = await this.#state(session, head, deadline);
      // One by one: MySQL wants a selected database for an update that joins a JSON_TABLE (error 1046).
      for (const { id, attributes } of shards)
        await session.run(
          `UPDATE ${this.#table('shards')} SET attributes = ? WHERE hostname = ? AND table_prefix = ? AND attributes IS NULL`,
          [JSON.stringify(attributes), id.hostname, id.tablePrefix],
          deadline,
        );
    });
  }

  /** Throws `FailedPrecondition` if the name server was never set up. */
  async head(deadline: Deadline): Promise<Head> {
    return (await this.#head(this.host, deadline)) ?? this.#notSetUp();
  }

  /** The whole topology at one moment. */
  load(deadline: Deadline): Promise<{ readonly head: Head; readonly state: TopologyState }> {
    return this.host.transaction(deadline, async (session) => {
      // Shared locks on the version's row keep changes from committing between two of the statements below.
      const head = (await this.#head(session, deadline, 'LOCK IN SHARE MODE')) ?? this.#notSetUp();
      return { head, state: await this.#state(session, head, deadline) };
    });
  }

  /** Everything that another replica needs to be equal, at one moment. */
  content(deadline: Deadline): Promise<StoreContent> {
    return this.host.transaction(deadline, async (session) => {
      const head = (await this.#head(session, deadline, 'LOCK IN SHARE MODE')) ?? this.#notSetUp();
      const logs: StoreContent['logs'][number][] = [];
      for (const log of await readLogs(session, this.#table, deadline)) {
        logs.push({ ...log, entries: await readEntries(session, this.#table, log.logId, maxLogEntries, deadline) });
      }
      return {
        head,
        state: await this.#state(session, head, deadline),
        logs,
        spent: await readSpentNames(session, this.#table, deadline),
        primary: await this.#primary(session, deadline),
      };
    });
  }

  /** The primary that this replica knows; undefined if no change was made since such notes exist. */
  async primary(deadline: Deadline): Promise<string | undefined> {
    await this.schema.addMissing(deadline);
    return this.#primary(this.host, deadline);
  }

  /** Names that no new shard may have. */
  async spentNames(deadline: Deadline): Promise<SpentName[]> {
    await this.schema.addMissing(deadline);
    return readSpentNames(this.host, this.#table, deadline);
  }

  /** Throws `FailedPrecondition` if one of some names is spent. */
  async refuseSpent(ids: readonly ShardId[], deadline: Deadline): Promise<void> {
    await this.schema.addMissing(deadline);
    const name = await firstSpent(this.host, this.#table, ids, deadline);
    if (name !== undefined) throw refuseSpent(name);
  }

  /**
   * Runs work while nothing can change the topology, in a transaction on this replica's host, with the topology and
   * the migrations' reservations. Throws `FailedPrecondition` if this replica knows another primary.
   */
  async locked<T>(deadline: Deadline, work: (session: SqlSession, locked: LockedTopology) => Promise<T>): Promise<T> {
    await this.schema.addMissing(deadline);
    return this.host.transaction(deadline, async (session) => {
      const head = (await this.#head(session, deadline, 'FOR UPDATE')) ?? this.#notSetUp();
      const primary = await this.#primary(session, deadline);
      if (primary !== undefined && primary !== this.host.name) throw otherPrimary(primary, this.host.name);
      return work(session, {
        state: await this.#state(session, head, deadline),
        reservations: await this.#reservations(session, deadline),
      });
    });
  }

  /**
   * Stores a step in one transaction. `decide` gets the present state, locked, and returns the next one; it throws to
   * refuse the step.
   */
  async lead(
    step: Step,
    by: { readonly changeId: string; readonly by: string },
    deadline: Deadline,
    decide: (before: TopologyState) => TopologyState,
  ): Promise<StoredStep> {
    await this.schema.addMissing(deadline);
    return this.host.transaction(deadline, async (session) => {
      const before = (await this.#head(session, deadline, 'FOR UPDATE')) ?? this.#notSetUp();
      const old = await this.#state(session, before, deadline);
      const primary = await this.#primary(session, deadline);
      if (step.primary === undefined && primary !== undefined && primary !== this.host.name)
        throw otherPrimary(primary, this.host.name);
      await this.#refuse(session, step, old, deadline);
      const decided = decide(old);
      const state =
        primary === undefined || primary === this.host.name
          ? decided
          : { ...decided, version: old.version + versionsPerPrimary };
      const audit: AuditEntry = {
        version: state.version,
        ...by,
        // The host's clock: a server's clock must not decide what the audit forgets by age.
        changedAtMs: await readHostClock(session, deadline),
        changes: step.changes,
        inverse: changesBetween(state, old),
      };
      const noted = { ...step, primary: step.primary ?? this.host.name };
      await this.#write(session, noted, audit, deadline);
      return { ...noted, before, state, audit };
    });
  }

  /**
   * Stores a step that the primary has stored. False, with nothing changed, if this replica lacks an earlier one.
   * Throws `FailedPrecondition` if it has moved on without the step, under another primary.
   */
  async follow(step: StoredStep, deadline: Deadline): Promise<boolean> {
    await this.schema.addMissing(deadline);
    return this.host.transaction(deadline, async (session) => {
      const head = await this.#head(session, deadline, 'FOR UPDATE');
      if (head !== undefined && sameHead(head, { version: step.audit.version, changeId: step.audit.changeId }))
        return true;
      if (head !== undefined && head.version > step.audit.version) {
        const primary = await this.#primary(session, deadline);
        if (primary !== undefined && primary !== step.primary) throw otherPrimary(primary, step.primary ?? '');
      }
      if (head === undefined || !sameHead(head, step.before)) return false;
      await this.#write(session, step, step.audit, deadline);
      return true;
    });
  }

  /**
   * Makes this replica equal to another one. Undefined, with nothing changed, if this one is newer by now or has the
   * same head; `overSameHead` overwrites it in the latter case too. Otherwise returns the newest changes that only
   * this replica had, which are gone.
   */
  async overwrite(
    source: NameServerStore,
    deadline: Deadline,
    overSameHead = false,
  ): Promise<readonly AuditEntry[] | undefined> {
    await this.create(deadline);
    await source.schema.addMissing(deadline);
    const content = await source.content(deadline);
    const own = await readAudit(this.host, this.#table, Number.MAX_SAFE_INTEGER, auditRowsPerRead, deadline);
    const from = own.at(-1)?.version ?? 0;
    const known = new Set<string>();
    for (let next = from; ;) {
      const entries = await readAuditFrom(source.host, source.#table, next, auditRowsPerRead, deadline);
      for (const entry of entries) known.add(entry.changeId);
      for (const entry of entries)
        if (entry.version <= content.head.version) await writeAudit(this.host, this.#table, entry, deadline);
      const last = entries.at(-1);
      if (last === undefined || entries.length < auditRowsPerRead) break;
      next = last.version + 1;
    }
    const lost = own.filter(({ changeId }) => !known.has(changeId));
    return this.host.transaction(deadline, async (session) => {
      const head = (await this.#head(session, deadline, 'FOR UPDATE')) ?? this.#notSetUp();
      if (head.version > content.head.version || (sameHead(head, content.head) && !overSameHead)) return undefined;
      for (const entry of lost) await removeAudit(session, this.#table, entry, deadline);
      for (const change of changesBetween(await this.#state(session, head, deadline), content.state))
        await writeChange(session, this.#table, change, this.forms, deadline);
      await overwriteLogs(session, this.#table, content.logs, deadline);
      await overwriteSpentNames(session, this.#table, content.spent, deadline);
      if (content.primary !== undefined) await this.#setPrimary(session, content.primary, deadline);
      await this.#setHead(session, content.head, deadline);
      return lost;
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

  /**
   * Throws `FailedPrecondition` for changes that a migration, or a process that is dropping tables, would not expect.
   */
  async #refuse(
    session: SqlSession,
    { changes, spent = [], maker }: Step,
    state: TopologyState,
    deadline: Deadline,
  ): Promise<void> {
    if (spent.length > 0 || changes.some(touchesTrees)) {
      const reservations = await this.#reservations(session, deadline);
      refuseReserved(
        state,
        [...changes, ...spent.map((id) => ({ kind: 'deleteShard', id }) as const)],
        reservations,
        maker,
      );
    }
    const there = new Set(state.shards.map(({ id }) => shardKey(id)));
    const used = spent.find((id) => there.has(shardKey(id)));
    if (used !== undefined)
      throw new RoostError('FailedPrecondition', `the tables of shard ${shardKey(used)} are in use`, {
        fields: { shard: shardKey(used) },
      });
    const created = changes.flatMap((change) =>
      change.kind === 'createShard' && !there.has(shardKey(change.shard.id)) ? [change.shard.id] : [],
    );
    const name = await firstSpent(session, this.#table, created, deadline);
    if (name !== undefined) throw refuseSpent(name);
    for (const change of changes)
      if (change.kind === 'createShard' && this.forms.exceedTexts(change.shard))
        await this.schema.requireNamedAttributes(change.shard.id, deadline);
  }

  /** The shards that migrations have reserved, from the ledger in the primary's database. */
  async #reservations(session: SqlSession, deadline: Deadline): Promise<ReadonlyMap<string, number>> {
    try {
      const rows = await session.rows(
        `SELECT hostname, table_prefix, migration_id FROM ${this.#table('migration_shards')}`,
        [],
        deadline,
      );
      return new Map(
        rows.map(([hostname, tablePrefix, id]) => [
          shardKey({ hostname: String(hostname), tablePrefix: String(tablePrefix) }),
          Number(id),
        ]),
      );
    } catch (error) {
      // There was never a migration.
      if (isRoostError(error, 'FailedPrecondition')) return new Map();
      throw error;
    }
  }

  async #primary(session: SqlSession, deadline: Deadline): Promise<string | undefined> {
    const [row] = await session.rows(`SELECT hostname FROM ${this.#table('primary_host')} WHERE id = 1`, [], deadline);
    return row === undefined ? undefined : String(row[0]);
  }

  async #setPrimary(session: SqlSession, hostname: string, deadline: Deadline): Promise<void> {
    await session.run(`REPLACE INTO ${this.#table('primary_host')} (id, hostname) VALUES (1, ?)`, [hostname], deadline);
  }

  async #write(session: SqlSession, step: Step, audit: AuditEntry, deadline: Deadline): Promise<void> {
    for (const change of step.changes) await writeChange(session, this.#table, change, this.forms, deadline);
    for (const change of step.logs) await writeLogChange(session, this.#table, change, deadline);
    if (step.spent !== undefined)
      await spendNames(session, this.#table, step.spent, audit.changedAtMs, this.retention.auditDays, deadline);
    if (step.revived !== undefined) await reviveNames(session, this.#table, step.revived, deadline);
    if (step.primary !== undefined) await this.#setPrimary(session, step.primary, deadline);
    await writeAudit(session, this.#table, audit, deadline);
    await pruneAudit(session, this.#table, audit, this.retention, deadline);
    await this.#setHead(session, audit, deadline);
  }

  async #setHead(session: SqlSession, head: Head, deadline: Deadline): Promise<void> {
    await session.run(
      `UPDATE ${this.#table('meta')} SET version = ?, change_id = ? WHERE id = 1`,
      [head.version, head.changeId],
      deadline,
    );
  }

  async #state(session: SqlSession, head: Head, deadline: Deadline): Promise<TopologyState> {
    try {
      const how = { forms: this.forms, hasAttributes: await this.schema.hasAttributes(session, deadline) };
      return { version: head.version, ...(await loadTopology(session, this.#table, how, deadline)) };
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
      const [row] = await session.rows(
        `SELECT version, change_id FROM ${this.#table('meta')} WHERE id = 1 ${lock}`,
        [],
        deadline,
      );
      return row === undefined ? undefined : { version: Number(row[0]), changeId: String(row[1]) };
    } catch (error) {
      if (isRoostError(error, 'FailedPrecondition')) return undefined;
      throw error;
    }
  }

  #notSetUp(): never {
    throw new RoostError(
      'FailedPrecondition',
      `the name server on ${this.host.name} is not set up (database ${this.#database}): "roost serve" and "roost graph create" set it up`,
      {
        fields: { host: this.host.name },
      },
    );
  }
}
