import { limits, type Deadline } from '../core/index.js';
import type { Address } from './address.js';
import { Connection } from './connection.js';

const firstBackoffMs = 20;
const maxBackoffMs = 2_000;

/** One server and the connection to it, which is opened when first needed and again after it has failed. */
export class Server {
  #connection: Connection | undefined;
  #opening: Promise<Connection> | undefined;
  #failures = 0;
  #lastError: unknown;
  #retryAtMs = 0;

  constructor(private readonly address: Address) {}

  /** How long to leave the server alone after it could not be reached; 0 when it may be tried. */
  get backoffMs(): number {
    return Math.max(0, this.#retryAtMs - performance.now());
  }

  /** The open connection, or a new one; callers at the same time share it. Throws `Unavailable`, at once while the server is left alone. */
  async connection(deadline: Deadline): Promise<Connection> {
    if (this.#connection?.failed === false) return this.#connection;
    if (this.#opening === undefined && this.backoffMs > 0) throw this.#lastError;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return deadline.race(this.#opening, 'connecting');
  }

  /** Nothing may be called any more. */
  async close(): Promise<void> {
    // A connection that is just being opened is waited for; it can take limits.connectTimeoutMs.
    await this.#opening?.catch(() => undefined);
    await this.#connection?.close();
  }

  async #open(): Promise<Connection> {
    try {
      const connection = await Connection.open(this.address, limits.connectTimeoutMs);
      this.#failures = 0;
      this.#connection = connection;
      return connection;
    } catch (error) {
      // Spread over half the time, so that the clients of a server that comes back do not all arrive at once.
      const backoffMs = Math.min(maxBackoffMs, firstBackoffMs * 2 ** this.#failures++);
      this.#retryAtMs = performance.now() + backoffMs * (0.5 + Math.random() / 2);
      this.#lastError = error;
      throw error;
    }
  }
}
