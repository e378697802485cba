import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { RawEntry } from './jobEntry.js';
import { ReplicaAcks, type ReplicaCounts } from './replicaAcks.js';
import { workerGroup } from './streamKeys.js';

/** Entries taken from a stream at once. */
export const entriesPerRead = 64;
/** How long a read of an empty stream waits. */
export const blockMs = 250;

/** Entries, and the connection that they came over. */
interface Taken {
  readonly connection: number;
  readonly entries: RawEntry[];
}

/** Reads a queue's jobs that no worker has taken yet. */
export class JobReader {
  constructor(
    /** A connection of its own, because its reads block. */
    private readonly redis: Redis,
    private readonly queue: string,
    private readonly consumer: string,
    /**
     * Replicas that must have a job before it is applied: a database with the write of a lost job differs from its
     * replicas for good.
     */
    replicas: ReplicaCounts,
  ) {
    this.#acks = new ReplicaAcks(redis, replicas);
  }

  readonly #acks: ReplicaAcks;
  #unconfirmed: Taken | undefined;

  /**
   * Takes jobs: they are this consumer's until they leave the queue or another takes them over. Throws `Unavailable`
   * if too few replicas have them; the next call waits for these again.
   */
  async read(): Promise<RawEntry[]> {
    const taken = this.#unconfirmed ?? (await this.#take());
    if (this.#acks.needed === 0 || taken.entries.length === 0) return taken.entries;
    this.#unconfirmed = taken;
    try {
      // WAIT counts a blocked read as of its beginning. This write comes after the jobs were taken.
      await this.redis.set(`${this.queue}:read`, '');
      await this.#acks.reached(taken.connection);
    } catch (error) {
      // Another primary may lack these. Those that it has are taken over, like a dead process's.
      if (taken.connection !== this.#acks.connection) this.#unconfirmed = undefined;
      throw error;
    }
    this.#unconfirmed = undefined;
    return taken.entries;
  }

  async #take(): Promise<Taken> {
    const reply = (await this.redis.xreadgroupBuffer(
      'GROUP',
      workerGroup,
      this.consumer,
      'COUNT',
      entriesPerRead,
      'BLOCK',
      blockMs,
      'STREAMS',
      this.queue,
      '>',
    )) as [key: Buffer, entries: RawEntry[]][] | null;
    const { connection } = this.#acks;
    // Redis notifies the worker together with the caller who journaled the job: the caller's answer goes out first.
    await nextTurn();
    return { connection, entries: (reply ?? []).flatMap(([, read]) => read) };
  }

  close(): void {
    this.redis.disconnect();
  }
}
