import { setImmediate as nextTurn } from 'node:timers/promises';
import { Command, type Redis } from 'ioredis';
import { RoostError } from '../../core/index.js';

/** A `WAIT` holds up its connection for so long at most. */
const waitMs = 1_000;

/**
 * Waits until replicas of the journal's Redis have what a connection has written. Callers of one moment share one `WAIT`; appends that come while it waits share the next.
 */
export class ReplicaAcks {
  /** Counts the connections to Redis. One that is new has written nothing, and its `WAIT` is answered at once. */
  #connection = 0;
  #next: Promise<number> | undefined;

  constructor(
    private readonly redis: Redis,
    /** 0: nothing is waited for. */
    readonly needed: number,
  ) {
    redis.on('close', () => this.#connection++);
  }

  /** The present connection, to be noted before a write is sent. */
  get connection(): number {
    return this.#connection;
  }

  /**
   * Resolves when enough replicas have all that was answered on this connection; at once where none is needed. Throws `Unavailable` where they do not have it within a second, and
   * where the connection has become another: what was written may survive, or not.
   */
  async reached(connection: number): Promise<void> {
    if (this.needed === 0) return;
    this.#next ??= this.#wait();
    const reached = await this.#next;
    if (connection !== this.#connection)
      throw this.#unknown('the connection was lost before its replicas had confirmed a write');
    if (reached < this.needed)
      throw this.#unknown(
        `${reached} replicas have confirmed a write in time, and \`journal.replicas\` is ${this.needed}`,
      );
  }

  async #wait(): Promise<number> {
    // Answers that have come together share it. It is sent on its own, or those in one pipeline with it would be told when it ends.
    await nextTurn();
    this.#next = undefined;
    return (await this.redis.sendCommand(new Command('wait', [this.needed, waitMs]))) as number;
  }

  #unknown(message: string): RoostError {
    return new RoostError('Unavailable', `the journal's Redis: ${message}; whether it is kept is not known`, {
      fields: { service: 'redis' },
    });
  }
}
