import type { Redis } from 'ioredis';
import { giveWay, RoostError } from '../../core/index.js';
import type { Attempts } from './attempts.js';
import type { RawEntry } from './jobEntry.js';
import { entriesPerRead } from './jobReader.js';
import type { WorkContext } from './queueContext.js';
import { scripts } from './scripts.js';
import { workerGroup } from './streamKeys.js';

/** A job delivered this often without an outcome kills its workers, and is given up. */
const maxDeliveries = 10;

/** Every command has a form that answers in buffers; ioredis's types leave this one out. */
type ClaimingRedis = Redis & {
  xautoclaimBuffer(
    key: string,
    group: string,
    consumer: string,
    minIdleMs: number,
    start: string,
    countToken: 'COUNT',
    count: number,
  ): Promise<[next: Buffer, entries: RawEntry[]]>;
};

/** The jobs of workers that are silent: takes them over, and keeps others from taking over those of this worker. */
export class TakeOver {
  constructor(
    private readonly redis: Redis,
    private readonly context: WorkContext,
    private readonly attempts: Attempts,
  ) {}

  /** So long is a worker silent whose jobs are taken over. */
  get afterMs(): number {
    return this.context.config.claimAfterSeconds * 1000;
  }

  /** Says that jobs in work are not abandoned. Unlike a delivery this is not counted. */
  async holdOn(ids: readonly string[]): Promise<void> {
    const { keys, consumer } = this.context;
    if (ids.length > 0) await this.redis.xclaim(keys.queued, workerGroup, consumer, 0, ...ids, 'JUSTID');
  }

  /**
   * Takes jobs whose worker has been silent, gives up those that were delivered too often, and forgets workers that are gone.
   *
   * @param ready is awaited before each step, and answers whether there is to be one
   */
  async look(
    ready: () => Promise<boolean>,
    inWork: (id: string) => boolean,
    take: (entry: RawEntry) => void,
  ): Promise<void> {
    const { keys, consumer } = this.context;
    let cursor = '0-0';
    do {
      if (!(await ready())) return;
      // Not `callBuffer`, which loses the command's name where calls are pipelined by themselves.
      const [next, entries] = await (this.redis as ClaimingRedis).xautoclaimBuffer(
        keys.queued,
        workerGroup,
        consumer,
        this.afterMs,
        cursor,
        'COUNT',
        entriesPerRead,
      );
      cursor = next.toString();
      for (const entry of entries) {
        const [rawId, fields] = entry;
        const id = rawId.toString();
        if (inWork(id)) continue;
        if (fields !== null && (await this.#deliveries(id)) > maxDeliveries) {
          const error = `job ${id} was delivered ${maxDeliveries} times and never finished`;
          await this.attempts.giveUp({ stream: keys.queued, host: '', id }, fields, new RoostError('Internal', error));
        } else take(entry);
        await giveWay();
      }
    } while (cursor !== '0-0');
    await scripts.forgetSilent.run(
      this.redis,
      { queue: keys.queued },
      { group: workerGroup, silentMs: this.afterMs * 10 },
    );
  }

  async #deliveries(id: string): Promise<number> {
    const [pending] = (await this.redis.xpending(this.context.keys.queued, workerGroup, id, id, 1)) as [
      string,
      string,
      number,
      number,
    ][];
    return pending?.[3] ?? 0;
  }
}
