import { randomUUID } from 'node:crypto';
import { RoostError, type Deadline } from '../../core/index.js';
import { existingTables, type DatabaseHost, type SqlRow, type SqlSession, type SqlValue } from '../../mysql/index.js';
import { sameHead, versionsPerPrimary, type Head } from '../nameServer/nameServerStep.js';
import { otherPrimary } from '../nameServer/primary.js';
import { addedTables } from '../nameServer/nameServerTables.js';
import {
  controlTable,
  controlTableNames,
  controlTables,
  replicaTables,
  type ControlTableName,
} from './controlTables.js';

/**
 * The last change of the control tables that a replica has, and the primary that made it. Replicas with equal heads
 * hold the same.
 */
export interface ControlHead extends Head {
  readonly leader: string;
}

/** The rows of a table with these column values. */
export interface ControlSlice {
  readonly table: ControlTableName;
  readonly where: Readonly<Record<string, SqlValue>>;
}

/** Declares that the rows of a slice may have changed. Columns in `where` must never change in a row. */
export type Touch = (table: ControlTableName, where: ControlSlice['where']) => void;

/** A change that the primary has stored, for the others to follow. */
export interface ControlStep {
  readonly before: Head;
  readonly head: ControlHead;
  readonly what: string;
  /** The version of the topology that the primary knew. */
  readonly topologyVersion: number;
  readonly slices: readonly (ControlSlice & { readonly rows: readonly SqlRow[] })[];
}

/** The result of a change, and the step that others must follow; undefined if nothing changed. */
export interface Led<T> {
  readonly result: T;
  readonly step: ControlStep | undefined;
}

/** One replica's state. */
export interface ControlState {
  readonly head: ControlHead;
  readonly topologyVersion: number;
  /** The primary that it knows. */
  readonly primary: string | undefined;
}

/** Compared rows of each table, by key. */
export type ControlRows = ReadonlyMap<ControlTableName, ReadonlyMap<string, string>>;

interface ControlContent {
  readonly head: ControlHead;
  readonly changes: readonly SqlRow[];
  readonly rows: ReadonlyMap<ControlTableName, readonly SqlRow[]>;
}

/**
 * A server may renew a lease as long as one of its looks, which missed the promotion, can take; after that the lease
 * expires.
 */
const heldLeasesMs = 5_000;
const keptChanges = 10_000;
const rowsPerInsert = 20;
const maxWhat = 500;

/** The control tables of one replica: their SQL and nothing else. */
export class ControlStore {
  #made: Promise<void> | undefined;

  /** `database` must be a checked identifier. */
  constructor(
    readonly host: DatabaseHost,
    private readonly database: string,
  ) {}

  table(name: ControlTableName | keyof typeof replicaTables | 'meta' | 'primary_host'): string {
    return `\`${this.database}\`.\`${name}\``;
  }

  /**
   * Creates missing tables; looks only once. Throws `FailedPrecondition` if the replica has no name server's
   * database.
   */
  ready(deadline: Deadline): Promise<void> {
    this.#made ??= this.#make(deadline).catch((error: unknown) => {
      this.#made = undefined;
      throw error;
    });
    return this.#made;
  }

  async state(deadline: Deadline): Promise<ControlState> {
    await this.ready(deadline);
    const [row] = await this.host.rows(
      `SELECT h.version, h.change_id, h.leader, m.version, p.hostname FROM ${this.table('control_head')} AS h JOIN ${this.table('meta')} AS m ON m.id = h.id LEFT JOIN ${this.table('primary_host')} AS p ON p.id = h.id WHERE h.id = 1`,
      [],
      deadline,
    );
    if (row === undefined)
      throw new RoostError('FailedPrecondition', `the name server on ${this.host.name} is not set up`, {
        fields: { host: this.host.name },
      });
    return {
      head: headOf(row),
      topologyVersion: Number(row[3]),
      primary: row[4] === null ? undefined : String(row[4]),
    };
  }

  /**
   * Makes a change in a caller's transaction on the primary, exclusively from here to its end. `work` touches what it
   * changes. If it touches nothing there is no step, except for the first change under this primary. Throws
   * `FailedPrecondition` if this replica knows another primary.
   */
  async lead<T>(session: SqlSession, work: (touch: Touch) => Promise<T>, deadline: Deadline): Promise<Led<T>> {
    const before = await this.#lockedHead(session, deadline);
    const { topologyVersion, primary } = await this.#primary(session, deadline, 'LOCK IN SHARE MODE');
    if (primary !== undefined && primary !== this.host.name) throw otherPrimary(primary, this.host.name);
    const isPromoted = before.leader !== '' && before.leader !== this.host.name;
    if (isPromoted) await this.#holdLeases(session, deadline);
    const touched = new Map<string, ControlSlice>();
    const result = await work((table, where) => touched.set(describe({ table, where }), { table, where }));
    if (touched.size === 0 && !isPromoted) return { result, step: undefined };
    const slices: ControlStep['slices'][number][] = [];
    for (const slice of touched.values())
      slices.push({ ...slice, rows: await this.#rows(session, slice.table, slice.where, deadline) });
    const version = before.version + (isPromoted ? versionsPerPrimary : 1);
    const head = { version, changeId: randomUUID().replaceAll('-', ''), leader: this.host.name };
    const step = { before, head, what: [...touched.keys()].join(', ').slice(0, maxWhat), topologyVersion, slices };
    await this.#setHead(session, step, deadline);
    return { result, step };
  }

  /**
   * Stores a change that the primary has stored. False, with nothing changed, if this replica lacks an earlier one.
   */
  follow(step: ControlStep, deadline: Deadline): Promise<boolean> {
    return this.host.transaction(deadline, async (session) => {
      const head = await this.#lockedHead(session, deadline);
      if (sameHead(head, step.head)) return true;
      const { topologyVersion, primary } = await this.#primary(session, deadline);
      // A note older than the leader's knowledge says nothing.
      if (primary !== undefined && primary !== step.head.leader && topologyVersion > step.topologyVersion)
        throw otherPrimary(primary, step.head.leader);
      if (!sameHead(head, step.before)) return false;
      for (const { table, where, rows } of step.slices) {
        const [sql, values] = condition(where);
        await session.run(`DELETE FROM ${this.table(table)} WHERE ${sql}`, values, deadline);
        await this.#insert(session, table, rows, deadline);
      }
      await this.#setHead(session, step, deadline);
      return true;
    });
  }

  /**
   * Makes this replica equal to another one. Undefined, with nothing changed, if this one is newer by now or has the
   * same head; `sameHead` overwrites it in the latter case too. Otherwise returns the changes that only this replica
   * had, which are gone.
   */
  async overwrite(
    source: ControlStore,
    deadline: Deadline,
    overSameHead = false,
  ): Promise<readonly string[] | undefined> {
    await this.ready(deadline);
    const content = await source.#content(deadline);
    return this.host.transaction(deadline, async (session) => {
      const head = await this.#lockedHead(session, deadline);
      if (head.version > content.head.version || (sameHead(head, content.head) && !overSameHead)) return undefined;
      const lost = changesLost(await this.#changes(session, deadline), content.changes);
      for (const [table, rows] of content.rows) {
        await session.run(`DELETE FROM ${this.table(table)}`, [], deadline);
        await this.#insert(session, table, rows, deadline);
      }
      await session.run(`DELETE FROM ${this.table('control_changes')}`, [], deadline);
      await insertRows(
        session,
        this.table('control_changes'),
        ['version', 'change_id', 'what'],
        content.changes,
        deadline,
      );
      await session.run(
        `UPDATE ${this.table('control_head')} SET version = ?, change_id = ?, leader = ? WHERE id = 1`,
        [content.head.version, content.head.changeId, content.head.leader],
        deadline,
      );
      return lost;
    });
  }

  /** All compared rows at one moment. */
  async compared(deadline: Deadline): Promise<{ readonly head: ControlHead; readonly rows: ControlRows }> {
    await this.ready(deadline);
    return this.host.transaction(deadline, async (session) => {
      const head = await this.#lockedHead(session, deadline, 'LOCK IN SHARE MODE');
      const rows = new Map<ControlTableName, ReadonlyMap<string, string>>();
      for (const table of controlTableNames) {
        const { key, columns, compared = {} } = controlTable(table);
        const read = await session.rows(
          `SELECT ${[...key, ...Object.entries(columns).map(([name, expression]) => compared[name] ?? expression)].join()} FROM ${this.table(table)}`,
          [],
          deadline,
        );
        rows.set(
          table,
          new Map(read.map((row) => [row.slice(0, key.length).join('/'), JSON.stringify(row.slice(key.length))])),
        );
      }
      return { head, rows };
    });
  }

  async #content(deadline: Deadline): Promise<ControlContent> {
    await this.ready(deadline);
    return this.host.transaction(deadline, async (session) => {
      const head = await this.#lockedHead(session, deadline, 'LOCK IN SHARE MODE');
      const rows = new Map<ControlTableName, SqlRow[]>();
      for (const table of controlTableNames) rows.set(table, await this.#rows(session, table, {}, deadline));
      return { head, rows, changes: await this.#changes(session, deadline) };
    });
  }

  #changes(session: SqlSession, deadline: Deadline): Promise<SqlRow[]> {
    return session.rows(
      `SELECT version, change_id, what FROM ${this.table('control_changes')} ORDER BY version`,
      [],
      deadline,
    );
  }

  async #rows(
    session: SqlSession,
    table: ControlTableName,
    where: ControlSlice['where'],
    deadline: Deadline,
  ): Promise<SqlRow[]> {
    const [sql, values] = condition(where);
    return session.rows(
      `SELECT ${Object.values(controlTable(table).columns).join()} FROM ${this.table(table)} WHERE ${sql}`,
      values,
      deadline,
    );
  }

  #insert(session: SqlSession, table: ControlTableName, rows: readonly SqlRow[], deadline: Deadline): Promise<void> {
    return insertRows(session, this.table(table), Object.keys(controlTable(table).columns), rows, deadline);
  }

  async #setHead(session: SqlSession, { head, what }: ControlStep, deadline: Deadline): Promise<void> {
    await session.run(
      `REPLACE INTO ${this.table('control_changes')} (version, change_id, what) VALUES (?, ?, ?)`,
      [head.version, head.changeId, what],
      deadline,
    );
    await session.run(
      `DELETE FROM ${this.table('control_changes')} WHERE version < ?`,
      [head.version - keptChanges],
      deadline,
    );
    await session.run(
      `UPDATE ${this.table('control_head')} SET version = ?, change_id = ?, leader = ? WHERE id = 1`,
      [head.version, head.changeId, head.leader],
      deadline,
    );
  }

  async #lockedHead(session: SqlSession, deadline: Deadline, lock = 'FOR UPDATE'): Promise<ControlHead> {
    const [row] = await session.rows(
      `SELECT version, change_id, leader FROM ${this.table('control_head')} WHERE id = 1 ${lock}`,
      [],
      deadline,
    );
    if (row === undefined)
      throw new RoostError('DataLoss', `${this.table('control_head')} on ${this.host.name} has lost its row`, {
        fields: { host: this.host.name },
      });
    return headOf(row);
  }

  /** With a lock, a promotion that involves this replica waits for the end of the transaction. */
  async #primary(
    session: SqlSession,
    deadline: Deadline,
    lock = '',
  ): Promise<{ readonly topologyVersion: number; readonly primary: string | undefined }> {
    const [note] = await session.rows(
      `SELECT hostname FROM ${this.table('primary_host')} WHERE id = 1 ${lock}`,
      [],
      deadline,
    );
    const [meta] = await session.rows(`SELECT version FROM ${this.table('meta')} WHERE id = 1`, [], deadline);
    return { topologyVersion: Number(meta?.[0] ?? 0), primary: note === undefined ? undefined : String(note[0]) };
  }

  /** Leases are not copied: this replica grants none until those of the previous primary have expired. */
  async #holdLeases(session: SqlSession, deadline: Deadline): Promise<void> {
    for (const table of ['moves', 'migrations'] as const)
      await session.run(
        `UPDATE ${this.table(table)} SET owner = '', lease_until = TIMESTAMPADD(MICROSECOND, ${heldLeasesMs * 1000}, UTC_TIMESTAMP(3)) WHERE state IN ('running', 'cancelling')`,
        [],
        deadline,
      );
  }

  async #make(deadline: Deadline): Promise<void> {
    const tables = {
      ...Object.fromEntries(controlTableNames.map((name) => [name, controlTables[name].ddl])),
      ...replicaTables,
      primary_host: addedTables['primary_host']!,
    };
    const names = Object.keys(tables);
    const there = await existingTables(this.host, this.database, names, deadline);
    const isWhole = names.every((name) => there.has(name));
    if (
      isWhole &&
      (await this.host.rows(`SELECT 1 FROM ${this.table('control_head')} WHERE id = 1`, [], deadline)).length > 0
    )
      return;
    for (const [name, columns] of Object.entries(tables)) {
      await this.host.run(
        `CREATE TABLE IF NOT EXISTS \`${this.database}\`.\`${name}\` ${columns} ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
        [],
        deadline,
      );
    }
    // Earlier releases, whose servers did not list their hosts, gave the column 2,000 characters.
    const [column] = await this.host.rows(
      "SELECT data_type FROM information_schema.columns WHERE table_schema = ? AND table_name = 'servers' AND column_name = 'info'",
      [this.database],
      deadline,
    );
    if (String(column?.[0]).toLowerCase() === 'varchar')
      await this.host.run(`ALTER TABLE ${this.table('servers')} MODIFY info MEDIUMTEXT NOT NULL`, [], deadline);
    // The row serves as the lock for changes of windows.
    await this.host.run(`INSERT IGNORE INTO ${this.table('tweet_policy')} (id, policy) VALUES (1, '')`, [], deadline);
    // Earlier releases kept these tables on one replica, which is newer than the empty ones.
    const filled = controlTableNames.map(
      (name) => `EXISTS (SELECT 1 FROM ${this.table(name)}${name === 'tweet_policy' ? " WHERE policy <> ''" : ''})`,
    );
    const [row] = await this.host.rows(`SELECT ${filled.join(' OR ')}`, [], deadline);
    const [version, changeId] = Number(row![0]) === 1 ? [1, randomUUID().replaceAll('-', '')] : [0, ''];
    await this.host.run(
      `INSERT IGNORE INTO ${this.table('control_head')} (id, version, change_id, leader) VALUES (1, ?, ?, '')`,
      [version, changeId],
      deadline,
    );
  }
}

/** Changes that one replica has, and another one, which records those of the same time, lacks. */
function changesLost(own: readonly SqlRow[], others: readonly SqlRow[]): string[] {
  const known = new Set(others.map(([, changeId]) => String(changeId)));
  const oldest = Number(others[0]?.[0] ?? 0);
  return own
    .filter(([version, changeId]) => Number(version) >= oldest && !known.has(String(changeId)))
    .map(([version, , what]) => `${Number(version)} (${String(what)})`);
}

const headOf = ([version, changeId, leader]: SqlRow): ControlHead => ({
  version: Number(version),
  changeId: String(changeId),
  leader: String(leader),
});

/** Returns the condition for a slice of a table. The names of its columns are constants of the code. */
const condition = (where: ControlSlice['where']): readonly [sql: string, values: readonly SqlValue[]] => {
  const columns = Object.keys(where);
  return [columns.length === 0 ? 'TRUE' : columns.map((column) => `${column} = ?`).join(' AND '), Object.values(where)];
};

const describe = ({ table, where }: ControlSlice): string => `${table} ${Object.values(where).join('/')}`;

async function insertRows(
  session: SqlSession,
  table: string,
  columns: readonly string[],
  rows: readonly SqlRow[],
  deadline: Deadline,
): Promise<void> {
  for (let start = 0; start < rows.length; start += rowsPerInsert) {
    const part = rows.slice(start, start + rowsPerInsert);
    await session.run(
      `REPLACE INTO ${table} (${columns.join()}) VALUES ${part.map((row) => `(${row.map(() => '?').join()})`).join()}`,
      part.flat(),
      deadline,
    );
  }
}
