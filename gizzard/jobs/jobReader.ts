import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { RawEntry } from './jobEntry.js';
import { workerGroup } from './streamKeys.js';

/** Entries taken from a stream at once. */
export const entriesPerRead = 64;
/** How long a read of an empty stream waits before it answers that there is nothing. */
export const blockMs = 250;

/** Reads the jobs of a queue that no worker has taken yet. */
export class JobReader {
  constructor(
    /** A connection of its own, since its reads block. */
    private readonly redis: Redis,
    private readonly queue: string,
    private readonly consumer: string,
  ) {}

  /** From here on the jobs are this consumer's, until they leave the queue or another takes them over. */
  async read(): Promise<RawEntry[]> {
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
    // Redis tells the worker of a new job in the same breath as the caller who journalled it: the caller's answer goes out first.
    await nextTurn();
    return (reply ?? []).flatMap(([, read]) => read);
  }

  close(): void {
    this.redis.disconnect();
  }
}
