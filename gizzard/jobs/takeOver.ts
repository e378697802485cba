import type { Redis } from 'ioredis';
import { giveWay, RoostError } from '../../core/index.js';
import type { Attempts } from './attempts.js';
import type { RawEntry } from './jobEntry.js';
import { entriesPerRead } from './jobReader.js';
import type { WorkContext } from './queueContext.js';
import { scripts } from './scripts.js';
import { workerGroup } from './streamKeys.js';

/** A job delivered this often without a result kills its workers, and is given up. */
const maxDeliveries = 10;

/** Every command has a form that answers with buffers; ioredis's types omit this one. */
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
  xclaimBuffer(key: string, group: string, consumer: string, minIdleMs: number, ...ids: string[]): Promise<RawEntry[]>;
};

/** How jobs are taken that were another worker's. */
interface Taking {
  /** Is awaited before each step, and answers whether there is to be one. */
  readonly ready: () => Promise<boolean>;
  readonly inWork: (id: string) => boolean;
  readonly take: (entry: RawEntry) => void;
}

/** Takes over the jobs of silent workers, and keeps others from taking over this worker's. */
export class TakeOver {
  constructor(
    private readonly redis: Redis,
    private readonly context: WorkContext,
    private readonly attempts: Attempts,
  ) {}

  /** How long a worker must be silent for its jobs to be taken over. */
  get afterMs(): number {
    return this.context.config.claimAfterSeconds * 1000;
  }

  /** Declares that running jobs are not abandoned. Unlike a delivery, this is not counted. */
  async holdOn(ids: readonly string[]): Promise<void> {
    const { keys, consumer } = this.context;
    if (ids.length > 0) await this.redis.xclaim(keys.queued, workerGroup, consumer, 0, ...ids, 'JUSTID');
  }

  /** Takes jobs whose worker has been silent, gives up those that were delivered too often, and forgets workers that are gone. */
  async look(taking: Taking): Promise<void> {
    const { keys, consumer } = this.context;
    let cursor = '0-0';
    do {
      if (!(await taking.ready())) return;
      // Not `callBuffer`, which loses the command's name under automatic pipelining.
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
      await this.#takeAll(entries, taking);
    } while (cursor !== '0-0');
    await scripts.forgetSilent.run(
      this.redis,
      { queue: keys.queued },
      { group: workerGroup, silentMs: this.afterMs * 10 },
    );
  }

  /** Takes the jobs of a worker that is known to be gone, without waiting for its silence. */
  async takeFrom(gone: string, taking: Taking): Promise<void> {
    const { keys, consumer } = this.context;
    while (await taking.ready()) {
      const pending = await this.redis.xpending(keys.queued, workerGroup, '-', '+', entriesPerRead, gone);
      const ids = (pending as [id: string, ...unknown[]][]).map(([id]) => id);
      if (ids.length === 0) return;
      const claimed = await (this.redis as ClaimingRedis).xclaimBuffer(keys.queued, workerGroup, consumer, 0, ...ids);
      await this.#takeAll(
        claimed.filter((entry) => entry !== null),
        taking,
      );
    }
  }

  async #takeAll(entries: readonly RawEntry[], { inWork, take }: Taking): Promise<void> {
    const { keys } = this.context;
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
