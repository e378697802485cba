import type { Redis } from 'ioredis';
import { results } from '../../redis/index.js';
import { markMoved, movedMark, writeOf } from './acceptedBefore.js';
import type { WorkContext } from './queueContext.js';
import { scripts } from './scripts.js';
import { workerGroup } from './streamKeys.js';

/** An applied job to be removed from the journal, and its waiter. */
interface Applied {
  readonly id: string;
  readonly waiter: string | undefined;
}

/**
 * Removes jobs from the queue: applied ones, together with others that finish at about the same time, and jobs for
 * other workers.
 */
export class Settling {
  /** Applied jobs still in the journal, by the topology under which they were applied. */
  #applied = new Map<number, Applied[]>();
  #flushed: Promise<void> = Promise.resolve();

  constructor(
    private readonly redis: Redis,
    private readonly context: Pick<WorkContext, 'keys' | 'fence' | 'priority' | 'log'>,
    /** Called for each waiter when its job has left the queue. Never rejects. */
    private readonly tell: (waiter: string) => Promise<void>,
  ) {}

  /** Removes an applied job from the queue soon. */
  applied(job: Applied, topologyVersion: number): void {
    const jobs = this.#applied.get(topologyVersion);
    if (jobs !== undefined) jobs.push(job);
    else this.#applied.set(topologyVersion, [job]);
    if (this.#applied.size > 1 || jobs !== undefined) return;
    setImmediate(() => {
      this.#flushed = this.#flush();
    });
  }

  /**
   * Puts entries at the end of the queue. If one is applied here all the same, it is applied twice, which changes
   * nothing. Entries without fields have left the stream already.
   */
  async putBack(entries: readonly (readonly [id: string, fields: readonly Buffer[] | null])[]): Promise<void> {
    if (entries.length === 0) return;
    const { queued } = this.context.keys;
    const transaction = this.redis.multi();
    for (const [id, fields] of entries) {
      if (fields !== null) {
        transaction.xadd(queued, '*', ...fields);
        markMoved(transaction, writeOf(fields));
      }
      transaction.xack(queued, workerGroup, id).xdel(queued, id);
    }
    await results(transaction);
  }

  /** Resolves when all applied jobs have been removed from the queue, or could not be. */
  async flushed(): Promise<void> {
    await this.#flushed;
    await this.#flush();
  }

  async #flush(): Promise<void> {
    const applied = this.#applied;
    this.#applied = new Map();
    await Promise.all(Array.from(applied, ([topologyVersion, jobs]) => this.#settle(jobs, topologyVersion)));
  }

  async #settle(jobs: readonly Applied[], topologyVersion: number): Promise<void> {
    const { keys, fence, log, priority } = this.context;
    try {
      const late = await scripts.settle.run(
        this.redis,
        { queue: keys.queued, fence: fence.key },
        { group: workerGroup, topologyVersion, movedMark, ids: jobs.map(({ id }) => id) },
      );
      if (late === 1) {
        // They are in the queue again with their waiters: the worker that applies them under a newer topology
        // notifies.
        fence.refused(topologyVersion);
        return;
      }
    } catch (error) {
      log.warn(
        { err: error, jobs: jobs.length, priority },
        'applied jobs could not be taken from the journal; they will run again, which changes nothing',
      );
      return;
    }
    await Promise.all(jobs.flatMap(({ waiter }) => (waiter === undefined ? [] : [this.tell(waiter)])));
  }
}
