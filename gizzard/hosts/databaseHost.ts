import mysql, { type Pool, type PoolConnection, type TypedParameterValue } from 'mysql2';
import { Deadline, deadlineExceeded, isRoostError, maxInt64, RoostError, type DatabaseHostConfig, type Log, type PoolConfig } from '../../core/index.js';
import { Health } from './health.js';
import { sqlError, type DriverError } from './sqlErrors.js';

/** What may be bound to a statement. */
export type SqlValue = bigint | number | string | Buffer | null;
/** One row, in the order of the select list. 64-bit columns come as a number where it is safe, as a string where it is not. */
export type SqlRow = readonly (number | string | Buffer | null)[];
export interface SqlResult {
  readonly affectedRows: number;
}

/** Runs statements one after another: on a connection of its own in a transaction, on any of the pool's otherwise. */
export interface SqlSession {
  /** Runs a prepared statement that gives rows. */
  rows(sql: string, values: readonly SqlValue[], deadline: Deadline): Promise<SqlRow[]>;
  /** Runs a prepared statement that changes something. */
  run(sql: string, values: readonly SqlValue[], deadline: Deadline): Promise<SqlResult>;
}

/** Statements kept prepared on each connection. The server allows 16,382 in all by default. */
const preparedPerConnection = 256;
/** Attempts at a transaction that the server chose as a deadlock's victim, or that lost a race for a new row. */
const transactionAttempts = 8;
/** A shorter wait that ran into its deadline says more about the caller's haste than about the host. */
const timeoutThatCountsMs = 100;

/** One MySQL or MariaDB server: a bounded pool of connections, deadlines, and what is known of its health. */
export class DatabaseHost implements SqlSession {
  readonly health = new Health();
  readonly #pool: Pool;
  #closed = false;

  constructor(
    readonly name: string,
    private readonly config: DatabaseHostConfig,
    private readonly limits: PoolConfig,
    private readonly log: Log,
  ) {
    this.#pool = mysql.createPool({
      ...(config.socketPath === undefined ? { host: config.host, port: config.port } : { socketPath: config.socketPath }),
      user: config.user,
      password: config.password,
      connectionLimit: limits.size,
      queueLimit: limits.waiting,
      connectTimeout: limits.connectTimeoutMs,
      maxPreparedStatements: preparedPerConnection,
      supportBigNumbers: true,
      rowsAsArray: true,
      charset: 'utf8mb4',
      enableKeepAlive: true,
    });
    const sessionSetup =
      "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', SESSION innodb_lock_wait_timeout = 5" +
      // MariaDB runs the first comment and MySQL the second: MariaDB skips versions 50700 to 50999.
      ` /*M!100100 , SESSION max_statement_time = ${limits.queryTimeoutMs / 1000} */` +
      ` /*!50700 , SESSION max_execution_time = ${limits.queryTimeoutMs} */`;
    this.#pool.on('connection', (connection) => {
      const failed = (error: DriverError | null): void => {
        if (error === null) return;
        this.log.warn({ err: error, host: this.name }, 'a new connection could not be set up');
        connection.destroy();
      };
      // Statements of a connection run in order, so these come before the caller's.
      connection.query(sessionSetup, failed);
      connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED', failed);
    });
  }

  rows(sql: string, values: readonly SqlValue[], deadline: Deadline): Promise<SqlRow[]> {
    return this.#withConnection(deadline, (connection) => this.#execute<SqlRow[]>(connection, sql, values, deadline));
  }

  run(sql: string, values: readonly SqlValue[], deadline: Deadline): Promise<SqlResult> {
    return this.#withConnection(deadline, (connection) => this.#execute<SqlResult>(connection, sql, values, deadline));
  }

  /**
   * Runs `work` in one transaction and commits it; rolls back when it throws. Deadlocks, lost races for a new row (`Conflict`) and lock
   * waits start it again, a bounded number of times, so that `work` must be repeatable.
   */
  async transaction<T>(deadline: Deadline, work: (session: SqlSession) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#withConnection(deadline, async (connection) => {
          const session: SqlSession = {
            rows: (sql, values, within) => this.#execute<SqlRow[]>(connection, sql, values, within),
            run: (sql, values, within) => this.#execute<SqlResult>(connection, sql, values, within),
          };
          await this.#command(connection, 'START TRANSACTION', deadline);
          try {
            const result = await work(session);
            await this.#command(connection, 'COMMIT', deadline);
            return result;
          } catch (error) {
            // A connection whose rollback fails is closed, which rolls back too.
            await this.#command(connection, 'ROLLBACK', Deadline.after(this.limits.connectTimeoutMs)).catch(() => connection.destroy());
            throw error;
          }
        });
      } catch (error) {
        if (!(error instanceof RoostError && error.code === 'Conflict') || attempt >= transactionAttempts || deadline.passed) throw error;
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool.promise().end();
  }

  async #withConnection<T>(deadline: Deadline, work: (connection: PoolConnection) => Promise<T>): Promise<T> {
    const connection = await this.#acquire(deadline);
    const startMs = performance.now();
    try {
      const result = await work(connection);
      this.health.succeeded();
      return result;
    } catch (error) {
      this.#judge(error, performance.now() - startMs);
      throw error;
    } finally {
      connection.release();
    }
  }

  #acquire(deadline: Deadline): Promise<PoolConnection> {
    if (this.#closed) return Promise.reject(new RoostError('Unavailable', `the pool of ${this.name} is closed`, { fields: { host: this.name }, retryable: false }));
    return new Promise((resolve, reject) => {
      let waiting = true;
      const timer = setTimeout(() => {
        waiting = false;
        reject(deadlineExceeded(`waiting for a connection to ${this.name}`));
      }, deadline.remainingMs());
      this.#pool.getConnection((error, connection) => {
        clearTimeout(timer);
        if (error === null) {
          if (waiting) resolve(connection);
          else connection.release();
          return;
        }
        const translated = sqlError(error, this.name);
        this.#judge(translated, timeoutThatCountsMs);
        reject(translated);
      });
    });
  }

  #execute<T>(connection: PoolConnection, sql: string, values: readonly SqlValue[], deadline: Deadline): Promise<T> {
    return this.#bounded(connection, sql, deadline, (done) => connection.execute(sql, values.map(bind), done));
  }

  #command(connection: PoolConnection, sql: string, deadline: Deadline): Promise<unknown> {
    return this.#bounded(connection, sql, deadline, (done) => connection.query(sql, done));
  }

  #bounded<T>(connection: PoolConnection, sql: string, deadline: Deadline, start: (done: (error: DriverError | null, result: unknown) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        // The answer may still come on this connection, so it cannot be used again; the server is told to stop working for it.
        const { threadId } = connection;
        connection.destroy();
        this.#kill(threadId);
        reject(new RoostError('DeadlineExceeded', `${this.name} did not answer before the deadline`, { fields: { host: this.name, statement: brief(sql) } }));
      }, Math.min(deadline.remainingMs(), this.limits.queryTimeoutMs));
      start((error, result) => {
        clearTimeout(timer);
        if (error === null) resolve(result as T);
        else reject(sqlError(error, this.name, brief(sql)));
      });
    });
  }

  #kill(threadId: number): void {
    if (this.#closed) return;
    this.#pool.query('KILL ?', [threadId], (error) => {
      if (error !== null) this.log.debug({ err: error, host: this.name }, 'a statement past its deadline could not be stopped');
    });
  }

  #judge(error: unknown, tookMs: number): void {
    if (isRoostError(error, 'Unavailable')) this.health.failed();
    if (isRoostError(error, 'DeadlineExceeded') && tookMs >= timeoutThatCountsMs) this.health.failed();
  }
}

/** Integers are bound as integers: as text or as doubles, which is the driver's choice, comparisons with large ids would be inexact. */
const bind = (value: SqlValue): SqlValue | TypedParameterValue => {
  if (typeof value === 'bigint') return value > maxInt64 ? mysql.TypedParameter.BIGINT.unsigned(value) : mysql.TypedParameter.BIGINT(value);
  return typeof value === 'number' && Number.isInteger(value) ? mysql.TypedParameter.BIGINT(value) : value;
};

const brief = (sql: string): string => sql.trim().slice(0, 80).replaceAll(/\s+/g, ' ');
