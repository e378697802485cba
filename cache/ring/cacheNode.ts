import type { ConnectionOptions } from 'node:tls';
import { Backoff, RoostError } from '../../core/index.js';
import { batchOperations, Connection, type Reply } from './connection.js';
import { statuses, type CacheOperation } from './protocol.js';

/** A node that has not answered this many batches in a row, for at least so long, is taken for dead. A refused connection needs no proof. */
const suspectAfterTimeouts = 3;
const suspectAfterMs = 100;
/** How long a node that failed is left alone by this process: at first, and at most. */
const firstBackOffMs = 50;
const maxBackOffMs = 5_000;
/** An answer that takes longer than this to begin is none: what is behind it on the connection would wait as well. */
const connectTimeoutMs = 250;

/** An entry, with what is needed to replace exactly this one. */
export interface Held {
  readonly cas: Buffer;
  readonly connection: Connection;
}

export type NodeHit = Held & Pick<Reply, 'value'>;

/** One memcached server, as this process sees it. */
export class CacheNode {
  #connection: Connection | undefined;
  readonly #backoff = new Backoff(firstBackOffMs, maxBackOffMs);
  #retryAtMs = 0;
  #timeouts = 0;
  #silentSinceMs = 0;
  #closed = false;

  constructor(
    readonly name: string,
    /** Called when the node is taken for dead. */
    private readonly onSuspect: (node: CacheNode, why: RoostError) => void,
    /** Absent: connections are not encrypted. */
    private readonly tls?: () => ConnectionOptions,
  ) {}

  /** Rejects with `Unavailable` or `DeadlineExceeded`; then nothing is known of any of the keys. */
  async get(keys: readonly string[], deadlineMs: number): Promise<(NodeHit | undefined)[]> {
    const replies = await this.#inParts(keys, (connection, part) => connection.get(part, deadlineMs));
    for (let i = 0; i < replies.length; i++) if (replies[i]?.status !== statuses.ok) replies[i] = undefined;
    return replies;
  }

  /** When it rejects, any of the commands may have been carried out, or may yet be. */
  async execute(operations: readonly CacheOperation[], deadlineMs: number): Promise<Reply[]> {
    return (await this.#inParts(operations, (connection, part) => connection.execute(part, deadlineMs))) as Reply[];
  }

  /** Forgets that it failed: the next command tries it. */
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
      throw new RoostError('Unavailable', `cache node ${this.name} is left alone after a failure`, {
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
