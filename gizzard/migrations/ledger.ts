import { Deadline, RoostError } from '../../core/index.js';
import type { Touch } from '../control/controlStore.js';
import type { SqlRow, SqlSession, SqlValue } from '../../mysql/index.js';
import { LeaseTable } from '../moving/leaseTable.js';
import { setPaused } from '../moving/moveStore.js';
import type { MoveSpec } from '../moving/moveTask.js';
import { cut, type MovesDatabase } from '../moving/movesDatabase.js';
import { fromStoredJson, toStoredJson } from '../moving/storedJson.js';
import type { NameServer } from '../nameServer/nameServer.js';
import type { LockedTopology } from '../nameServer/nameServerStep.js';
import { shardKey } from '../topology/types.js';
import {
  isAtEnd,
  leftBehind,
  type Migration,
  type MigrationGoal,
  type MigrationOptions,
  type MigrationState,
  type MigrationStep,
  type StepState,
} from './migration.js';
import { refuseOutdated } from './planBasis.js';
import type { MigrationPlan, Phase } from './steps.js';

/** A plan may move thousands of shards. */
const addDeadlineMs = 60_000;
const rowsPerInsert = 250;

const columns = `id, plan_id, title, state, goal, options, error, DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%sZ'), owner`;

/**
 * The migrations of a cluster with all done and planned steps, in the name server's database: whoever continues one,
 * or rolls it back, needs nothing else.
 */
export class Ledger {
  readonly #leases: LeaseTable;

  constructor(private readonly database: MovesDatabase) {
    this.#leases = new LeaseTable(database, 'migrations');
  }

  /**
   * Records plans, all or none, while the topology is locked: from then on only they may change their trees. Throws
   * `FailedPrecondition` if a shard is in another migration, or a tree has changed since the plan. Returns their
   * numbers.
   */
  async add(
    plans: readonly MigrationPlan[],
    options: MigrationOptions,
    nameServer: Pick<NameServer, 'locked'>,
  ): Promise<number[]> {
    const deadline = Deadline.after(addDeadlineMs);
    const add = async (session: SqlSession, touch: Touch, { state }: LockedTopology): Promise<number[]> => {
      refuseOutdated(state, plans);
      await this.#refuseMoving(session, plans);
      const ids: number[] = [];
      for (const plan of plans) {
        await this.#run(
          session,
          `INSERT INTO ${this.#table('migrations')} (title, plan_id, state, goal, options, created_at) VALUES (?, ?, 'queued', 'settle', ?, UTC_TIMESTAMP(3))`,
          [cut(plan.title), ids[0] ?? 0, toStoredJson(options)],
        );
        const [row] = await session.rows('SELECT LAST_INSERT_ID()', [], this.database.deadline());
        ids.push(Number(row![0]));
      }
      await this.#run(session, `UPDATE ${this.#table('migrations')} SET plan_id = id WHERE id = ?`, [ids[0]!]);
      await this.#reserve(session, plans, ids);
      const steps = plans.flatMap((plan, i) =>
        plan.steps.map((step, place) => [
          ids[i]!,
          place,
          step.phase,
          cut(step.title),
          step.precondition,
          toStoredJson(step.action),
          toStoredJson(step.inverse),
          'pending',
          '{}',
        ]),
      );
      await this.#insert(
        session,
        'migration_steps',
        'migration_id, step, phase, title, precondition_text, action, inverse, state, evidence',
        steps,
      );
      for (const id of ids) {
        touch('migrations', { id });
        touch('migration_shards', { migration_id: id });
        touch('migration_steps', { migration_id: id });
      }
      return ids;
    };
    return this.database.control.changeIn(deadline, (host, body) => nameServer.locked(host.name, deadline, body), add);
  }

  /** The migration of each reserved shard; other shards are absent. */
  async reservations(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#read(
      `SELECT hostname, table_prefix, migration_id FROM ${this.#table('migration_shards')}`,
    );
    return new Map(
      rows.map(([hostname, tablePrefix, id]) => [
        shardKey({ hostname: String(hostname), tablePrefix: String(tablePrefix) }),
        Number(id),
      ]),
    );
  }

  /** Newest first; `active`: only unfinished ones. */
  async list(options: { readonly active: boolean; readonly limit: number }): Promise<Migration[]> {
    const which = options.active ? `WHERE state NOT IN ('done', 'rolledBack')` : '';
    return (
      await this.#read(`SELECT ${columns} FROM ${this.#table('migrations')} ${which} ORDER BY id DESC LIMIT ?`, [
        options.limit,
      ])
    ).map(migrationOf);
  }

  /** Throws `NotFound`. */
  async get(id: number): Promise<Migration> {
    const [row] = await this.#read(`SELECT ${columns} FROM ${this.#table('migrations')} WHERE id = ?`, [id]);
    if (row === undefined)
      throw new RoostError('NotFound', `there is no migration ${id}`, { fields: { migration: id } });
    return migrationOf(row);
  }

  /** The phase of some migrations, by number: that of the first step not done. Finished ones are absent. */
  async phases(ids: readonly number[]): Promise<ReadonlyMap<number, string>> {
    if (ids.length === 0) return new Map();
    const rows = await this.#read(
      `SELECT migration_id, phase FROM ${this.#table('migration_steps')} WHERE state <> 'done' AND migration_id IN (${ids.map(() => '?').join(', ')}) ORDER BY step DESC`,
      [...ids],
    );
    return new Map(rows.map(([id, phase]) => [Number(id), String(phase)]));
  }

  /** In their order. */
  steps(id: number): Promise<MigrationStep[]> {
    return this.database.read((host) => this.#steps(host, id));
  }

  async #steps(session: SqlSession, id: number): Promise<MigrationStep[]> {
    const rows = await session.rows(
      `SELECT step, phase, title, precondition_text, action, inverse, state, evidence FROM ${this.#table('migration_steps')} WHERE migration_id = ? ORDER BY step`,
      [id],
      this.database.deadline(),
    );
    return rows.map(([step, phase, title, precondition, action, inverse, state, evidence]) => ({
      step: Number(step),
      phase: String(phase) as Phase,
      title: String(title),
      precondition: String(precondition),
      action: fromStoredJson(String(action), this.database.forms),
      inverse: fromStoredJson(String(inverse), this.database.forms),
      state: String(state) as StepState,
      evidence: fromStoredJson(String(evidence)),
    }));
  }

  /**
   * Shards with tables that migrations left behind on hosts that did not answer, with the migration's number. Some
   * may have been dropped since.
   */
  async leftBehind(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#read(
      `SELECT migration_id, evidence FROM ${this.#table('migration_steps')} WHERE evidence LIKE '%"leftBehind"%' ORDER BY migration_id`,
    );
    return new Map(
      rows.flatMap(([id, evidence]) =>
        leftBehind([{ evidence: fromStoredJson(String(evidence)) }]).map((shard) => [shard, Number(id)] as const),
      ),
    );
  }

  /** Takes a migration that nobody works on, if fewer than `atOnce` are in work. */
  async claim(owner: string, atOnce: number): Promise<Migration | undefined> {
    await this.database.ready();
    const [waits] = await this.database.host.rows(
      `SELECT 1 FROM ${this.#table('migrations')} WHERE state IN ('queued', 'running') AND NOT ${LeaseTable.held} LIMIT 1`,
      [],
      this.database.deadline(),
    );
    if (waits === undefined) return undefined;
    return this.database.change(async (session, touch) => {
      const rows = await session.rows(
        `SELECT ${columns}, ${LeaseTable.held} FROM ${this.#table('migrations')} WHERE state IN ('queued', 'running') ORDER BY id FOR UPDATE`,
        [],
        this.database.deadline(),
      );
      // Rollbacks have a limit of their own: they are urgent, and other migrations may rest for hours.
      const inWork = (isRollback: boolean): number =>
        rows.filter((row) => Number(row[9]) === 1 && (row[4] === 'rollback') === isRollback).length;
      const free = rows.filter((row) => Number(row[9]) === 0 && inWork(row[4] === 'rollback') < atOnce);
      if (free.length === 0) return undefined;
      // Started migrations come before new ones.
      const next = migrationOf(
        free.find((row) => row[4] === 'rollback') ?? free.find((row) => row[3] === 'running') ?? free[0]!,
      );
      await this.#leases.take(session, next.id, owner);
      touch('migrations', { id: next.id });
      return { ...next, state: 'running', owner };
    });
  }

  /** Renews a claim. False if it is lost, or the operator wants something else. */
  renew(id: number, owner: string, error: string): Promise<boolean> {
    return this.#leases.renew(id, owner, { error });
  }

  /** Records a step's result if the migration still has this owner. Returns whether it had. */
  setStep(
    id: number,
    owner: string,
    step: number,
    state: StepState,
    evidence?: MigrationStep['evidence'],
  ): Promise<boolean> {
    return this.database.change(async (session, touch) => {
      if (!(await this.#owns(session, id, owner))) return false;
      touch('migration_steps', { migration_id: id, step });
      await this.#run(
        session,
        `UPDATE ${this.#table('migration_steps')} SET state = ?${evidence === undefined ? '' : ', evidence = ?'} WHERE migration_id = ? AND step = ?`,
        [state, ...(evidence === undefined ? [] : [toStoredJson(evidence)]), id, step],
      );
      return true;
    });
  }

  /** Leaves a migration in a state if it still has this owner; at its end its shards are free for others. */
  async leave(id: number, owner: string, state: MigrationState, error = ''): Promise<boolean> {
    return this.database.change(async (session, touch) => {
      if (!(await this.#leases.end(session, id, owner, state, { error }))) return false;
      touch('migrations', { id });
      touch('migration_shards', { migration_id: id });
      if (isAtEnd(state))
        await this.#run(session, `DELETE FROM ${this.#table('migration_shards')} WHERE migration_id = ?`, [id]);
      return true;
    });
  }

  /** Releases a migration for whoever takes it next. */
  release(id: number, owner: string): Promise<void> {
    return this.#leases.release(id, owner);
  }

  /**
   * Gives a migration another state or goal, and pauses or resumes its moves with it. `decide` gets the migration and
   * its steps, locked, and throws to refuse. Its worker notices within a second, and nobody else takes it before that
   * worker has released it or is dead.
   */
  async redirect(
    id: number,
    decide: (
      migration: Migration,
      steps: readonly MigrationStep[],
    ) => { readonly state: 'queued' | 'paused'; readonly goal: MigrationGoal },
  ): Promise<void> {
    await this.get(id);
    await this.database.change(async (session, touch) => {
      const [row] = await session.rows(
        `SELECT ${columns} FROM ${this.#table('migrations')} WHERE id = ? FOR UPDATE`,
        [id],
        this.database.deadline(),
      );
      const { state, goal } = decide(migrationOf(row!), await this.#steps(session, id));
      await this.#run(session, `UPDATE ${this.#table('migrations')} SET state = ?, goal = ?, error = '' WHERE id = ?`, [
        state,
        goal,
        id,
      ]);
      touch('migrations', { id });
      await setPaused(session, touch, this.database, id, state === 'paused');
    });
  }

  async #owns(session: SqlSession, id: number, owner: string): Promise<boolean> {
    const rows = await session.rows(
      `SELECT 1 FROM ${this.#table('migrations')} WHERE id = ? AND owner = ? AND state = 'running' FOR UPDATE`,
      [id, owner],
      this.database.deadline(),
    );
    return rows.length > 0;
  }

  /** Shards in manual copies, repairs or diffs are checked under the same lock as migrations. */
  async #refuseMoving(session: SqlSession, plans: readonly MigrationPlan[]): Promise<void> {
    const rows = await session.rows(
      `SELECT id, spec FROM ${this.#table('moves')} WHERE state IN ('queued', 'running', 'paused') AND migration_id IS NULL`,
      [],
      this.database.deadline(),
    );
    const wanted = new Set(plans.flatMap((plan) => plan.shards.map(shardKey)));
    for (const [id, spec] of rows) {
      const { kind, sources, targets } = fromStoredJson<MoveSpec>(String(spec));
      const taken =
        kind === 'diff' ? undefined : [...sources, ...targets].find((shard) => wanted.has(shardKey(shard.id)));
      if (taken !== undefined)
        throw new RoostError(
          'FailedPrecondition',
          `shard ${shardKey(taken.id)} is busy: move ${Number(id)} works with it`,
          { fields: { shard: shardKey(taken.id), move: Number(id) } },
        );
    }
  }

  async #reserve(session: SqlSession, plans: readonly MigrationPlan[], ids: readonly number[]): Promise<void> {
    const rows = await session.rows(
      `SELECT hostname, table_prefix, migration_id FROM ${this.#table('migration_shards')} FOR UPDATE`,
      [],
      this.database.deadline(),
    );
    const taken = new Map(
      rows.map(([hostname, tablePrefix, id]) => [
        shardKey({ hostname: String(hostname), tablePrefix: String(tablePrefix) }),
        Number(id),
      ]),
    );
    for (const [i, plan] of plans.entries()) {
      for (const id of plan.shards) {
        const shard = shardKey(id);
        const other = taken.get(shard);
        if (other !== undefined)
          throw new RoostError('FailedPrecondition', `shard ${shard} is in migration ${other} already`, {
            fields: { shard, migration: other },
          });
        taken.set(shard, ids[i]!);
      }
    }
    const reserved = plans.flatMap((plan, i) =>
      plan.shards.map(({ hostname, tablePrefix }) => [hostname, tablePrefix, ids[i]!]),
    );
    await this.#insert(session, 'migration_shards', 'hostname, table_prefix, migration_id', reserved);
  }

  async #insert(
    session: SqlSession,
    table: Parameters<MovesDatabase['table']>[0],
    columns: string,
    rows: readonly (readonly SqlValue[])[],
  ): Promise<void> {
    for (let start = 0; start < rows.length; start += rowsPerInsert) {
      const part = rows.slice(start, start + rowsPerInsert);
      const values = part.map((row) => `(${row.map(() => '?').join()})`).join();
      await this.#run(session, `INSERT INTO ${this.#table(table)} (${columns}) VALUES ${values}`, part.flat());
    }
  }

  #read(sql: string, values: readonly SqlValue[] = []): Promise<SqlRow[]> {
    return this.database.read((host) => host.rows(sql, values, this.database.deadline()));
  }

  #run(session: SqlSession, sql: string, values: Parameters<SqlSession['run']>[1]): Promise<unknown> {
    return session.run(sql, values, this.database.deadline());
  }

  #table(name: Parameters<MovesDatabase['table']>[0]): string {
    return this.database.table(name);
  }
}

function migrationOf(row: SqlRow): Migration {
  const [id, planId, title, state, goal, options, error, createdAt, owner] = row;
  return {
    id: Number(id),
    planId: Number(planId),
    title: String(title),
    state: String(state) as MigrationState,
    goal: String(goal) as MigrationGoal,
    options: fromStoredJson(String(options)),
    error: String(error),
    createdAt: String(createdAt),
    owner: owner === null ? undefined : String(owner),
  };
}
