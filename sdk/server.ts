import { Deadline, isRoostError, limits, RoostError } from '../core/index.js';
import type { RoostTypes } from '../wire/index.js';
import type { ServerAddress } from './address.js';
import type { ClusterCheck } from './clusterCheck.js';
import type { ClusterService } from './clusterService.js';
import { ThriftConnection, type Invoke, type SentCall } from './thriftConnection.js';

const firstBackoffMs = 20;
const maxBackoffMs = 2_000;

/** A server's address: fixed, or looked up for each connection. */
export type Whereabouts = ServerAddress | ((deadline: Deadline) => Promise<ServerAddress>);

/** One server and its connection, which opens on first use and again after a failure. */
export class Server<C extends object> {
  /** Calls in flight, including those that wait for a connection. */
  inFlight = 0;
  #connection: ThriftConnection<C> | undefined;
  #info: RoostTypes.ServerInfo = {};
  #opening: Promise<ThriftConnection<C>> | undefined;
  /** Connections in a row that ended without an answer. */
  #failures = 0;
  #lastError: unknown;
  #retryAtMs = 0;

  constructor(
    private readonly address: Whereabouts,
    private readonly service: ClusterService<C>,
    private readonly clusterCheck: ClusterCheck,
  ) {}

  /** How long to avoid the server after it was unreachable or silent; 0 if it may be tried. */
  get backoffMs(): number {
    return Math.max(0, this.#retryAtMs - performance.now());
  }

  /** Throws the server's error, `DeadlineExceeded`, or `Unavailable`; at once during backoff. */
  async call<T>(invoke: Invoke<C, T>, deadline: Deadline, call?: SentCall): Promise<T> {
    this.inFlight++;
    let connection: ThriftConnection<C> | undefined;
    try {
      connection = await this.#connected(deadline);
      return await connection.call(invoke, deadline, call);
    } catch (error) {
      if (connection !== undefined && connection === this.#connection && connection.failed)
        this.#lost(connection, error);
      throw error;
    } finally {
      this.inFlight--;
    }
  }

  /** What the server says about itself. Connects if necessary. */
  async info(deadline: Deadline): Promise<RoostTypes.ServerInfo> {
    await this.#connected(deadline);
    return this.#info;
  }

  /** No call may follow. */
  async close(): Promise<void> {
    // A connection that is opening is awaited; that takes up to limits.connectTimeoutMs.
    await this.#opening?.catch(() => undefined);
    await this.#connection?.close();
  }

  /** The open connection, or a new one; concurrent callers share it. */
  async #connected(deadline: Deadline): Promise<ThriftConnection<C>> {
    if (this.#connection?.failed === false) return this.#connection;
    if (this.#opening === undefined && this.backoffMs > 0) throw this.#lastError;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    try {
      return await deadline.race(this.#opening, 'connecting');
    } catch (error) {
      // The error of the attempt before says more than that no time was left for another.
      throw isRoostError(error, 'DeadlineExceeded') && this.#failures > 0 ? this.#lastError : error;
    }
  }

  async #open(): Promise<ThriftConnection<C>> {
    try {
      const deadline = Deadline.after(limits.connectTimeoutMs);
      const address = typeof this.address === 'function' ? await this.address(deadline) : this.address;
      return (this.#connection = await this.#checked(
        await ThriftConnection.open(address, this.service, deadline),
        address,
      ));
    } catch (error) {
      this.#leaveAlone(error, firstBackoffMs * 2 ** this.#failures++);
      throw error;
    }
  }

  /** Returns the connection once its server has named the client's cluster. */
  async #checked(connection: ThriftConnection<C>, { host, port }: ServerAddress): Promise<ThriftConnection<C>> {
    try {
      const info = await this.#ask(connection);
      this.clusterCheck.accept(`${host}:${port}`, info.cluster ?? undefined);
      this.#info = info;
      return connection;
    } catch (thrown) {
      await connection.close();
      const error = RoostError.from(thrown);
      if (!error.retryable) throw error;
      // The failed question was ours: the caller's call has not been sent.
      throw new RoostError(error.code, error.message, {
        cause: error,
        fields: { server: `${host}:${port}` },
        ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
      });
    }
  }

  /** Asks the server for its cluster and ports; `{}` if the server is too old to know the method. */
  async #ask(connection: ThriftConnection<C>): Promise<RoostTypes.ServerInfo> {
    try {
      return await connection.call((client) => this.service.info(client), Deadline.after(limits.connectTimeoutMs));
    } catch (error) {
      const { cause } = RoostError.from(error);
      if (cause instanceof Error && cause.name === 'TApplicationException') return {};
      throw error;
    }
  }

  #lost(connection: ThriftConnection<C>, error: unknown): void {
    this.#connection = undefined;
    if (connection.answered) this.#failures = 0;
    if (connection.silent) this.#leaveAlone(error, maxBackoffMs);
    else if (!connection.answered) this.#leaveAlone(error, firstBackoffMs * 2 ** this.#failures++);
  }

  #leaveAlone(error: unknown, backoffMs: number): void {
    this.#lastError = error;
    // Spread over half the time, so that clients do not all return to a recovered server at once.
    this.#retryAtMs = performance.now() + Math.min(backoffMs, maxBackoffMs) * (0.5 + Math.random() / 2);
  }
}
