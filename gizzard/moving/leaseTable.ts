import type { SqlSession, SqlValue } from '../../mysql/index.js';
import { cut, type MovesDatabase } from './movesDatabase.js';

/** A server that has not renewed its lease for this long has lost it. */
const leaseMs = 3_000;
const leaseEnd = `TIMESTAMPADD(MICROSECOND, ${leaseMs * 1000}, UTC_TIMESTAMP(3))`;

/** Columns written with a lease: why the work is being retried or has failed, and its progress. */
export interface LeaseColumns {
  readonly error: string;
  readonly progress?: string;
}

/**
 * Leases on the rows of one table: a row in the `working` state is worked on by the holder of its lease, or by
 * nobody.
 */
export class LeaseTable {
  /** SQL expression: whether a row's lease is held. */
  static readonly held = '(owner IS NOT NULL AND lease_until > UTC_TIMESTAMP(3))';

  constructor(
    private readonly database: MovesDatabase,
    private readonly name: 'moves' | 'migrations',
    private readonly working: 'running' | 'cancelling' = 'running',
  ) {}

  /** Runs in the session that found the row free, under its lock. */
  async take(session: SqlSession, id: number, owner: string): Promise<void> {
    await session.run(
      `UPDATE ${this.#table} SET state = ?, owner = ?, lease_until = ${leaseEnd} WHERE id = ?`,
      [this.working, owner, id],
      this.database.deadline(),
    );
  }

  /** False if the lease is lost, the operator wants something else, or another primary now grants leases. */
  async renew(id: number, owner: string, columns: LeaseColumns): Promise<boolean> {
    if (!(await this.database.control.leads())) return false;
    return this.#update(this.database.host, id, owner, columns, `lease_until = ${leaseEnd}`, []);
  }

  /** Ends the work in a state. False if this owner has lost it. */
  end(session: SqlSession, id: number, owner: string, state: string, columns: LeaseColumns): Promise<boolean> {
    return this.#update(session, id, owner, columns, 'state = ?, owner = NULL, lease_until = NULL', [state]);
  }

  /** Releases a lease, so that another server need not wait for its expiry. */
  async release(id: number, owner: string): Promise<void> {
    await this.database.host.run(
      `UPDATE ${this.#table} SET owner = NULL, lease_until = NULL WHERE id = ? AND owner = ?`,
      [id, owner],
      this.database.deadline(),
    );
  }

  async #update(
    session: SqlSession,
    id: number,
    owner: string,
    { error, progress }: LeaseColumns,
    set: string,
    values: readonly SqlValue[],
  ): Promise<boolean> {
    const { affectedRows } = await session.run(
      `UPDATE ${this.#table} SET ${set}, error = ?${progress === undefined ? '' : ', progress = ?'} WHERE id = ? AND owner = ? AND state = ?`,
      [...values, cut(error), ...(progress === undefined ? [] : [progress]), id, owner, this.working],
      this.database.deadline(),
    );
    return affectedRows > 0;
  }

  get #table(): string {
    return this.database.table(this.name);
  }
}
