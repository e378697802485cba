import { limits, type Deadline } from '../core/index.js';
import type { Address } from './address.js';
import { Connection, type Invoke, type Service } from './connection.js';

const firstBackoffMs = 20;
const maxBackoffMs = 2_000;

/** One server and the connection to it, which is opened when first needed and again after it has failed. */
export class Server<C extends object> {
  /** Calls under way, those included that wait for a connection. */
  inFlight = 0;
  #connection: Connection<C> | undefined;
  #opening: Promise<Connection<C>> | undefined;
  /** Connections in a row that brought no answer. */
  #failures = 0;
  #lastError: unknown;
  #retryAtMs = 0;

  constructor(
    private readonly address: Address,
    private readonly service: Service<C>,
  ) {}

  /** How long to leave the server alone after it could not be reached or did not answer; 0 when it may be tried. */
  get backoffMs(): number {
    return Math.max(0, this.#retryAtMs - performance.now());
  }

  /** Throws what the server threw, `DeadlineExceeded`, or `Unavailable`: at once while the server is left alone. */
  async call<T>(invoke: Invoke<C, T>, deadline: Deadline): Promise<T> {
    this.inFlight++;
    let connection: Connection<C> | undefined;
    try {
      connection = await this.#connected(deadline);
      return await connection.call(invoke, deadline);
    } catch (error) {
      if (connection !== undefined && connection === this.#connection && connection.failed) this.#lost(connection, error);
      throw error;
    } finally {
      this.inFlight--;
    }
  }

  /** Nothing may be called any more. */
  async close(): Promise<void> {
    // A connection that is just being opened is waited for; it can take limits.connectTimeoutMs.
    await this.#opening?.catch(() => undefined);
    await this.#connection?.close();
  }

  /** The open connection, or a new one; callers at the same time share it. */
  async #connected(deadline: Deadline): Promise<Connection<C>> {
    if (this.#connection?.failed === false) return this.#connection;
    if (this.#opening === undefined && this.backoffMs > 0) throw this.#lastError;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return deadline.race(this.#opening, 'connecting');
  }

  async #open(): Promise<Connection<C>> {
    try {
      return (this.#connection = await Connection.open(this.address, this.service, limits.connectTimeoutMs));
    } catch (error) {
      this.#leaveAlone(error, firstBackoffMs * 2 ** this.#failures++);
      throw error;
    }
  }

  #lost(connection: Connection<C>, error: unknown): void {
    this.#connection = undefined;
    if (connection.answered) this.#failures = 0;
    if (connection.silent) this.#leaveAlone(error, maxBackoffMs);
    else if (!connection.answered) this.#leaveAlone(error, firstBackoffMs * 2 ** this.#failures++);
  }

  #leaveAlone(error: unknown, backoffMs: number): void {
    this.#lastError = error;
    // Spread over half the time, so that the clients of a server that comes back do not all arrive at once.
    this.#retryAtMs = performance.now() + Math.min(backoffMs, maxBackoffMs) * (0.5 + Math.random() / 2);
  }
}
