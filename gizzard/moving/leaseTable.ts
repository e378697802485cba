import type { SqlSession, SqlValue } from '../../mysql/index.js';
import { cut, type MovesDatabase } from './movesDatabase.js';

/** A server that has not renewed its lease for this long has lost it. */
const leaseMs = 3_000;
const leaseEnd = `TIMESTAMPADD(MICROSECOND, ${leaseMs * 1000}, UTC_TIMESTAMP(3))`;

/** What is written beside a lease: what the work is being tried again after, or has failed with, and how far it is. */
export interface LeaseColumns {
  readonly error: string;
  readonly progress?: string;
}

/** The leases on the rows of one table: a row in the `working` state is worked on by the server that holds its lease, or by nobody. */
export class LeaseTable {
  /** Whether a row's lease is held, as an expression of SQL. */
  static readonly held = '(owner IS NOT NULL AND lease_until > UTC_TIMESTAMP(3))';

  constructor(
    private readonly database: MovesDatabase,
    private readonly name: 'moves' | 'migrations',
    private readonly working: 'running' | 'cancelling' = 'running',
  ) {}

  /** In the session that found the row free, under its lock. */
  async take(session: SqlSession, id: number, owner: string): Promise<void> {
    await session.run(
      `UPDATE ${this.#table} SET state = ?, owner = ?, lease_until = ${leaseEnd} WHERE id = ?`,
      [this.working, owner, id],
      this.database.deadline(),
    );
  }

  /** False when the lease is lost, the operator wants something else, or another primary grants leases now. */
  async renew(id: number, owner: string, columns: LeaseColumns): Promise<boolean> {
    if (!(await this.database.control.leads())) return false;
    return this.#update(this.database.host, id, owner, columns, `lease_until = ${leaseEnd}`, []);
  }

  /** Ends the work in a state. False when it is not this owner's any more. */
  end(session: SqlSession, id: number, owner: string, state: string, columns: LeaseColumns): Promise<boolean> {
    return this.#update(session, id, owner, columns, 'state = ?, owner = NULL, lease_until = NULL', [state]);
  }

  /** Gives a lease back, so that another server need not wait for it to run out. */
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
