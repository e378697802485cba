import type { Socket } from 'node:net';
import mysql, { type Pool, type PoolConnection, type TypedParameterValue } from 'mysql2';
import { Deadline, deadlineExceeded, Health, maxInt64, RoostError, type Trace } from '../core/index.js';
import { type DatabaseHostConfig, type Log, type PoolConfig } from '../process/index.js';
import { ConnectionLine } from './connectionLine.js';
import { readHostClock } from './hostClock.js';
import { hostLoad, replicationLagSeconds } from './hostLoad.js';
import { databaseRoom, type DatabaseRoom } from './hostRoom.js';
import { logInOptions, renewAtEveryLogIn } from './logIn.js';
import { isHostDown, sqlError, type DriverError } from './sqlErrors.js';

/** A value that can be bound to a statement. */
export type SqlValue = bigint | number | string | Buffer | null;
/** One row, in the order of the select list. A 64-bit column is a number if it is safe, else a string. */
export type SqlRow = readonly (number | string | Buffer | null)[];
export interface SqlResult {
  readonly affectedRows: number;
}

/** Runs statements in sequence: on its own connection in a transaction, on any of the pool's otherwise. */
export interface SqlSession {
  /** Runs a prepared statement that returns rows. */
  rows(sql: string, values: readonly SqlValue[], deadline: Deadline): Promise<SqlRow[]>;
  /** Runs a prepared statement that changes data. */
  run(sql: string, values: readonly SqlValue[], deadline: Deadline): Promise<SqlResult>;
}

/** Prepared statements kept on each connection. The server allows 16,382 in all by default. */
const preparedPerConnection = 256;
/** Attempts at a transaction that was a deadlock's victim, or lost a race for a new row. */
const transactionAttempts = 8;
/** A timeout after a shorter wait says more about the caller's deadline than about the host. */
const timeoutThatCountsMs = 100;

/** Is told each statement's result, `OK` or the code of its error, and its duration in seconds. */
export type ObserveStatement = (code: string, seconds: number) => void;

/** One MySQL or MariaDB server: a bounded pool of connections, deadlines, and its health. */
export class DatabaseHost implements SqlSession {
  readonly health = new Health();
  readonly #pool: Pool;
  readonly #line: ConnectionLine;
  readonly #sessionSetup: readonly string[];
  /** Connections without a statement yet, and all open ones. */
  readonly #fresh = new WeakSet<PoolConnection>();
  readonly #open = new Set<PoolConnection>();
  #inUse = 0;
  #waiting = 0;
  #closed = false;

  constructor(
    readonly name: string,
    private readonly config: DatabaseHostConfig,
    private readonly limits: PoolConfig,
    private readonly log: Log,
    private readonly observe: ObserveStatement = () => undefined,
  ) {
    this.#line = new ConnectionLine(name, limits.size, limits.waiting);
    this.#pool = mysql.createPool({
      ...logInOptions(config),
      connectionLimit: limits.size,
      connectTimeout: limits.connectTimeoutMs,
      maxPreparedStatements: preparedPerConnection,
      supportBigNumbers: true,
      rowsAsArray: true,
      charset: 'utf8mb4',
      enableKeepAlive: true,
    });
    renewAtEveryLogIn(this.#pool, config, log);
    this.#sessionSetup = [
      "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', SESSION innodb_lock_wait_timeout = 5" +
        // MariaDB executes the first comment and MySQL the second: MariaDB skips versions 50700 to 50999.
        ` /*M!100100 , SESSION max_statement_time = ${limits.queryTimeoutMs / 1000} */` +
        ` /*!50700 , SESSION max_execution_time = ${limits.queryTimeoutMs} */` +
        // MySQL 8 would report the sizes of tables as of up to a day ago.
        ' /*!50900 , SESSION information_schema_stats_expiry = 0 */',
      'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
    ];
    this.#pool.on('connection', (connection) => {
      this.#fresh.add(connection);
      this.#open.add(connection);
      streamOf(connection).once('close', () => this.#open.delete(connection));
      // The running statement, if any, got the error; without a listener a second one would end the process.
      connection.on('error', (error) =>
        this.log.debug({ err: error, host: this.name }, 'a connection to a database host failed'),
      );
    });
  }

  /** Connections with a running statement. */
  get inUse(): number {
    return this.#inUse;
  }

  /** Callers waiting for a connection. */
  get waiting(): number {
    return this.#waiting;
  }

  rows(sql: string, values: readonly SqlValue[], deadline: Deadline): Promise<SqlRow[]> {
    return this.#withConnection(deadline, (connection) => this.#execute<SqlRow[]>(connection, sql, values, deadline));
  }

  run(sql: string, values: readonly SqlValue[], deadline: Deadline): Promise<SqlResult> {
    return this.#withConnection(deadline, (connection) => this.#execute<SqlResult>(connection, sql, values, deadline));
  }

  /** Asks the server for a sign of life, after a timeout that may be the statement's fault or the host's. */
  async answers(): Promise<boolean> {
    try {
      await this.rows('SELECT 1', [], Deadline.after(this.limits.connectTimeoutMs));
      return true;
    } catch (error) {
      this.log.debug({ err: error, host: this.name }, 'a database host does not answer');
      return false;
    }
  }

  clockMs(deadline: Deadline): Promise<number> {
    return readHostClock(this, deadline);
  }

  load(deadline: Deadline): Promise<{ readonly requests: number; readonly running: number }> {
    return hostLoad(this, deadline);
  }

  lagSeconds(deadline: Deadline): Promise<number | undefined> {
    return replicationLagSeconds(this, deadline);
  }

  room(deadline: Deadline): Promise<DatabaseRoom> {
    return databaseRoom(this, this.config.capacityBytes, deadline);
  }

  /**
   * Runs `work` in one transaction and commits; rolls back if it throws. Deadlocks, lost races for a new row
   * (`Conflict`) and lock waits restart it a bounded number of times, so that `work` must be repeatable.
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
            await this.#command(connection, 'ROLLBACK', Deadline.after(this.limits.connectTimeoutMs)).catch(() =>
              discard(connection),
            );
            throw error;
          }
        });
      } catch (error) {
        if (
          !(error instanceof RoostError && error.code === 'Conflict') ||
          attempt >= transactionAttempts ||
          deadline.passed
        )
          throw error;
      }
    }
  }

  /** Closes every connection: used ones after their statement, or after the connect timeout. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#line.close(this.#isClosed());
    try {
      await Deadline.after(this.limits.connectTimeoutMs).race(
        this.#pool.promise().end(),
        `closing the connections to ${this.name}`,
      );
    } catch (error) {
      this.log.debug({ err: error, host: this.name }, 'connections to a database host are cut off');
    }
    for (const connection of this.#open) discard(connection);
  }

  async #withConnection<T>(deadline: Deadline, work: (connection: PoolConnection) => Promise<T>): Promise<T> {
    const { connection, leave } = await this.#acquire(deadline);
    const startMs = performance.now();
    this.#inUse++;
    try {
      const result = await work(connection);
      this.health.succeeded();
      return result;
    } catch (error) {
      this.#judge(error, performance.now() - startMs);
      throw error;
    } finally {
      this.#inUse--;
      connection.release();
      leave();
    }
  }

  #isClosed(): RoostError {
    return new RoostError('Unavailable', `the pool of ${this.name} is closed`, {
      fields: { host: this.name },
      retryable: false,
    });
  }

  async #acquire(deadline: Deadline): Promise<{ readonly connection: PoolConnection; readonly leave: () => void }> {
    if (this.#closed) throw this.#isClosed();
    this.health.asked();
    this.#waiting++;
    try {
      const leave = await this.#line.enter(deadline);
      const connection = await this.#fromPool(deadline, leave);
      try {
        if (this.#fresh.delete(connection)) await this.#setUp(connection, deadline);
      } catch (error) {
        leave();
        throw error;
      }
      return { connection, leave };
    } finally {
      this.#waiting--;
    }
  }

  /**
   * The pool has room, so that this waits at most for a new connection. If that fails, the place in the queue is
   * given up too.
   */
  #fromPool(deadline: Deadline, leave: () => void): Promise<PoolConnection> {
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
          else {
            connection.release();
            leave();
          }
          return;
        }
        leave();
        const translated = sqlError(error, this.name);
        this.#judge(translated, timeoutThatCountsMs);
        reject(translated);
      });
    });
  }

  async #setUp(connection: PoolConnection, deadline: Deadline): Promise<void> {
    const startMs = performance.now();
    try {
      for (const sql of this.#sessionSetup) await this.#command(connection, sql, deadline);
    } catch (error) {
      discard(connection);
      this.#judge(error, performance.now() - startMs);
      throw error;
    }
  }

  #execute<T>(connection: PoolConnection, sql: string, values: readonly SqlValue[], deadline: Deadline): Promise<T> {
    const execute = (text: string): Promise<T> =>
      this.#bounded(connection, sql, deadline, (done) => connection.execute(text, values.map(bind), done));
    if (deadline.trace === undefined) return execute(sql);
    return this.#inSpan(deadline.trace, sql, async (text) => {
      try {
        return await execute(text);
      } finally {
        // Another statement will not have the same comment.
        if (text !== sql) connection.unprepare(text);
      }
    });
  }

  #command(connection: PoolConnection, sql: string, deadline: Deadline): Promise<unknown> {
    const query = (text: string): Promise<unknown> =>
      this.#bounded(connection, sql, deadline, (done) => connection.query(text, done));
    return deadline.trace === undefined ? query(sql) : this.#inSpan(deadline.trace, sql, query);
  }

  /**
   * Runs a statement in a span, which a comment names to readers of the server's logs. A statement that also serves
   * calls which are not traced has none: with its comment it would have to be prepared anew.
   */
  #inSpan<T>(trace: Trace, sql: string, run: (text: string) => Promise<T>): Promise<T> {
    const attributes = { 'db.system.name': 'mysql', 'db.query.text': brief(sql), 'server.address': this.name };
    return trace.inSpan(`sql ${verbOf(sql)}`, 'client', attributes, (span) =>
      run(span === undefined || span.shared ? sql : `${sql} /*traceparent='${span.traceparent}'*/`),
    );
  }

  #bounded<T>(
    connection: PoolConnection,
    sql: string,
    deadline: Deadline,
    start: (done: (error: DriverError | null, result: unknown) => void) => void,
    onTimeout: (threadId: number) => void = (threadId) => void this.#kill(threadId),
  ): Promise<T> {
    const startMs = performance.now();
    return new Promise((resolve, reject) => {
      let ended = false;
      const end = (error: RoostError | undefined, result?: unknown): void => {
        // On a closed connection the driver calls back twice.
        if (ended) return;
        ended = true;
        clearTimeout(timer);
        this.observe(error?.code ?? 'OK', (performance.now() - startMs) / 1000);
        if (error === undefined) resolve(result as T);
        else reject(error);
      };
      const late = (what: string): RoostError =>
        new RoostError('DeadlineExceeded', `${this.name} ${what} before the deadline`, {
          fields: { host: this.name, statement: brief(sql) },
        });
      const timer = setTimeout(
        () => {
          // The answer may still arrive on this connection, so that it cannot be used again; the server is told to
          // stop working for it.
          const { threadId } = connection;
          discard(connection);
          onTimeout(threadId);
          end(late('did not answer'));
        },
        Math.min(deadline.remainingMs(), this.limits.queryTimeoutMs),
      );
      if (deadline.passed) {
        end(late('was not asked'));
        return;
      }
      try {
        start((error, result) => end(error === null ? undefined : sqlError(error, this.name, brief(sql)), result));
      } catch (error) {
        end(RoostError.from(error));
      }
    });
  }

  /** Stops the server's work for an abandoned connection; closing the connection does not. */
  async #kill(threadId: number): Promise<void> {
    const deadline = Deadline.after(this.limits.connectTimeoutMs);
    try {
      await this.#withConnection(deadline, (connection) =>
        this.#bounded(
          connection,
          'KILL',
          deadline,
          (done) => connection.query('KILL ?', [threadId], done),
          () => undefined,
        ),
      );
    } catch (error) {
      this.log.debug({ err: error, host: this.name }, 'a statement past its deadline could not be stopped');
    }
  }

  /** Learns from this host's errors; others, such as those of `work`, say nothing about it. */
  #judge(error: unknown, tookMs: number): void {
    if (!(error instanceof RoostError) || error.fields['host'] !== this.name) return;
    if (isHostDown(error)) this.health.failed(error.message);
    else if (error.code !== 'DeadlineExceeded') this.health.succeeded();
    else if (tookMs >= timeoutThatCountsMs) this.health.failed(error.message);
  }
}

const streamOf = (connection: PoolConnection): Socket => (connection as unknown as { readonly stream: Socket }).stream;

/**
 * Closes a connection at once, and fails its running statement. The driver alone waits for the server to close its
 * side, which one that hangs never does, and leaves the statement unanswered.
 */
function discard(connection: PoolConnection): void {
  connection.destroy();
  streamOf(connection).destroy(new Error('the connection was closed on our side'));
}

/** The driver resolves its module at each access of the property, which costs more than binding. */
const { BIGINT } = mysql.TypedParameter;

/**
 * Integers are bound as integers: as text or doubles, the driver's choice, comparisons with large ids would be
 * inexact.
 */
const bind = (value: SqlValue): SqlValue | TypedParameterValue => {
  if (typeof value === 'bigint') return value > maxInt64 ? BIGINT.unsigned(value) : BIGINT(value);
  return typeof value === 'number' && Number.isInteger(value) ? BIGINT(value) : value;
};

const verbOf = (sql: string): string => /\w+/.exec(sql)?.[0].toUpperCase() ?? '';

const brief = (sql: string): string => sql.trim().slice(0, 80).replaceAll(/\s+/g, ' ');
