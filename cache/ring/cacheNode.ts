import type { ConnectionOptions } from 'node:tls';
import { Backoff, RoostError } from '../../core/index.js';
import { batchOperations, Connection, type Reply } from './connection.js';
import { statuses, type CacheOperation } from './protocol.js';

/**
 * A node counts as dead after this many unanswered batches in a row, over at least this time. A refused connection
 * counts at once.
 */
const suspectAfterTimeouts = 3;
const suspectAfterMs = 100;
/** How long this process avoids a failed node: at first, and at most. */
const firstBackOffMs = 50;
const maxBackOffMs = 5_000;
/** An answer must begin within this time; the ones behind it on the connection wait as well. */
const connectTimeoutMs = 250;

/** An entry, and what it takes to replace exactly this version of it. */
export interface Held {
  readonly cas: Buffer;
  readonly connection: Connection;
}

export type NodeHit = Held & Pick<Reply, 'value'>;

/** One memcached server as this process sees it. */
export class CacheNode {
  #connection: Connection | undefined;
  readonly #backoff = new Backoff(firstBackOffMs, maxBackOffMs);
  #retryAtMs = 0;
  #timeouts = 0;
  #silentSinceMs = 0;
  #closed = false;

  constructor(
    readonly name: string,
    /** Called when the node counts as dead. */
    private readonly onSuspect: (node: CacheNode, why: RoostError) => void,
    /** Absent: no encryption. */
    private readonly tls?: () => ConnectionOptions,
  ) {}

  /** Rejects with `Unavailable` or `DeadlineExceeded`; nothing is then known about any key. */
  async get(keys: readonly string[], deadlineMs: number): Promise<(NodeHit | undefined)[]> {
    const replies = await this.#inParts(keys, (connection, part) => connection.get(part, deadlineMs));
    for (let i = 0; i < replies.length; i++) if (replies[i]?.status !== statuses.ok) replies[i] = undefined;
    return replies;
  }

  /** If it rejects, any of the commands may have been executed, or may still be. */
  async execute(operations: readonly CacheOperation[], deadlineMs: number): Promise<Reply[]> {
    return (await this.#inParts(operations, (connection, part) => connection.execute(part, deadlineMs))) as Reply[];
  }

  /** Forgets failures: the next command tries the node. */
  retryNow(): void {
    this.#retryAtMs = 0;
  }

  close(): void {
    this.#closed = true;
    this.#connection?.close();
  }

  async #inParts<Item>(
    items: readonly Item[],
    send: (connection: Connection, part: readonly Item[]) => Promise<(Reply | undefined)[]>,
  ): Promise<(Reply | undefined)[]> {
    const connection = this.#open();
    try {
      const replies = await send(connection, items.length <= batchOperations ? items : items.slice(0, batchOperations));
      for (let start = batchOperations; start < items.length; start += batchOperations)
        replies.push(...(await send(connection, items.slice(start, start + batchOperations))));
      this.#answered();
      return replies;
    } catch (error) {
      this.#failed(connection, RoostError.from(error));
      throw error;
    }
  }

  #answered(): void {
    this.#timeouts = 0;
    this.#backoff.reset();
  }

  #open(): Connection {
    const known = this.#connection;
    if (known !== undefined && known.dead === undefined) return known;
    if (this.#closed || performance.now() < this.#retryAtMs)
      throw new RoostError('Unavailable', `cache node ${this.name} failed a moment ago, and is not asked yet`, {
        fields: { node: this.name },
      });
    this.#connection = new Connection(this.name, connectTimeoutMs, this.tls);
    return this.#connection;
  }

  #failed(connection: Connection, error: RoostError): void {
    if (connection !== this.#connection || this.#closed) return;
    const nowMs = performance.now();
    if (this.#timeouts++ === 0) this.#silentSinceMs = nowMs;
    const refused = connection.dead !== undefined;
    if (!refused && (this.#timeouts < suspectAfterTimeouts || nowMs - this.#silentSinceMs < suspectAfterMs)) return;
    this.#connection = undefined;
    connection.close(error.message);
    this.#retryAtMs = nowMs + this.#backoff.next();
    this.#timeouts = 0;
    this.onSuspect(this, error);
  }
}
