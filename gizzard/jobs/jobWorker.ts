import type { Redis } from 'ioredis';
import { RoostError, type JobsConfig, type Log } from '../../core/index.js';
import { decodeJob, encodeJob, type JobEntry } from './jobEntry.js';
import type { JobOutcome } from './jobRunner.js';
import { createGroup } from './journal.js';
import type { Priority } from './priority.js';
import { workerGroup, type StreamKeys } from './streamKeys.js';

/** Entries taken from the stream at once, and bytes of payload in work before the next are taken. */
const entriesPerRead = 64;
const maxEntriesInWork = 1_024;
const maxBytesInWork = 8 * 1024 * 1024;
/** How long a read of an empty stream waits before it looks whether it should stop. */
const blockMs = 500;
/** Wait after a failure of Redis before the loop goes on. */
const pauseAfterErrorMs = 250;
const failingLookEveryMs = 200;
const pausedLookEveryMs = 50;
/** A job delivered this often without an outcome kills its workers, and is given up. */
const maxDeliveries = 10;

/** Moves jobs whose delay is over from the failing queue to the end of the queue, oldest first. An entry's id holds the time at which it failed. */
const retryDueScript = `
  local now = redis.call('TIME')
  local due = now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[1]
  local jobs = redis.call('XRANGE', KEYS[1], '-', string.format('%.0f', due), 'COUNT', ARGV[2])
  for _, job in ipairs(jobs) do
    redis.call('XADD', KEYS[2], '*', unpack(job[2]))
    redis.call('XDEL', KEYS[1], job[1])
  end
  return #jobs`;
const retriedAtOnce = 64;

export interface JobWorkerOptions {
  readonly priority: Priority;
  readonly keys: StreamKeys;
  readonly consumer: string;
  readonly config: JobsConfig;
  readonly run: (job: JobEntry) => Promise<JobOutcome>;
  /** While true no more jobs are taken; those in work are finished. */
  readonly paused: () => boolean;
  readonly tell: (waiter: string, error: string) => Promise<void>;
  readonly count: (outcome: 'applied' | 'failed' | 'bad') => void;
  readonly log: Log;
}

type RawEntry = readonly [id: Buffer, fields: Buffer[] | null];

/** Every command has a form that answers in buffers; ioredis's types leave this one out. */
type ClaimingRedis = Redis & {
  xautoclaimBuffer(key: string, group: string, consumer: string, minIdleMs: number, start: string, countToken: 'COUNT', count: number): Promise<[next: Buffer, entries: RawEntry[]]>;
};

/**
 * Takes jobs of one priority from the journal, has them run, and gives each its end: applied, failing or bad.
 * A job leaves the stream in the same step that records its end, so that a crash at any moment leaves it to be taken over.
 */
export class JobWorker {
  readonly #inWork = new Map<string, Promise<void>>();
  #bytesInWork = 0;
  #stopping = false;
  #waitingForRoom: (() => void)[] = [];
  readonly #loops: Promise<void>[] = [];
  readonly #pauses = new Set<() => void>();
  #acknowledge: string[] = [];

  constructor(
    private readonly redis: Redis,
    /** A connection of its own, since its reads block. */
    private readonly reader: Redis,
    private readonly options: JobWorkerOptions,
  ) {}

  start(): void {
    this.#loops.push(
      this.#loop('reading the journal', 0, () => this.#read()),
      this.#loop('retrying failed jobs', failingLookEveryMs, () => this.#retryDue()),
      this.#loop('taking over abandoned jobs', this.#claimAfterMs / 2, () => this.#takeOver()),
    );
  }

  /** Stops taking jobs, finishes what is in work within `graceMs`, and hands the rest back for others to take over at once. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    for (const wake of this.#pauses) wake();
    this.#giveRoom();
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    // The loops first: a read that is under way may still bring jobs.
    const loops = Promise.all(this.#loops);
    await Promise.race([loops.then(() => Promise.all(this.#inWork.values())), grace]);
    clearTimeout(timer);
    const { keys, consumer, log } = this.options;
    const left = [...this.#inWork.keys()];
    if (left.length > 0) {
      log.warn({ jobs: left.length, priority: this.options.priority }, 'handing back jobs that did not finish in time');
      await this.redis.xclaim(keys.queued, workerGroup, consumer, 0, ...left, 'IDLE', this.#claimAfterMs * 10, 'JUSTID');
    }
    await this.#flush();
    this.reader.disconnect();
    await loops;
  }

  get #claimAfterMs(): number {
    return this.options.config.claimAfterSeconds * 1000;
  }

  async #loop(what: string, everyMs: number, step: () => Promise<void>): Promise<void> {
    let lastReason = '';
    while (!this.#stopping) {
      try {
        await step();
        lastReason = '';
        if (everyMs > 0) await this.#pause(everyMs);
      } catch (error) {
        if (this.#stopping) return;
        const reason = error instanceof Error ? error.message : String(error);
        if (reason.startsWith('NOGROUP')) await createGroup(this.redis, this.options.keys.queued).catch(() => undefined);
        else if (reason !== lastReason) this.options.log.error({ err: error, priority: this.options.priority }, `${what} failed; trying again`);
        lastReason = reason;
        await this.#pause(pauseAfterErrorMs);
      }
    }
  }

  async #pause(ms: number): Promise<void> {
    if (this.#stopping) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#pauses.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#pauses.add(wake);
    });
  }

  async #read(): Promise<void> {
    const { keys, consumer } = this.options;
    await this.#room();
    if (this.options.paused()) return this.#pause(pausedLookEveryMs);
    if (this.#stopping) return;
    const reply = (await this.reader.xreadgroupBuffer('GROUP', workerGroup, consumer, 'COUNT', entriesPerRead, 'BLOCK', blockMs, 'STREAMS', keys.queued, '>')) as
      | [key: Buffer, entries: RawEntry[]][]
      | null;
    for (const [, entries] of reply ?? []) for (const entry of entries) this.#take(entry);
  }

  async #room(): Promise<void> {
    while (!this.#stopping && (this.#inWork.size >= maxEntriesInWork || this.#bytesInWork >= maxBytesInWork)) {
      await new Promise<void>((resolve) => this.#waitingForRoom.push(resolve));
    }
  }

  #giveRoom(): void {
    const waiting = this.#waitingForRoom;
    this.#waitingForRoom = [];
    for (const wake of waiting) wake();
  }

  #take([rawId, fields]: RawEntry): void {
    const id = rawId.toString();
    if (this.#inWork.has(id)) return;
    if (fields === null) {
      this.#settleLater(id);
      return;
    }
    let job: JobEntry;
    try {
      job = decodeJob(fields);
    } catch (error) {
      this.#inWork.set(id, this.#finish(id, 0, this.#move(id, this.options.keys.bad, fields, RoostError.from(error))));
      return;
    }
    this.#bytesInWork += job.payload.length;
    this.#inWork.set(id, this.#finish(id, job.payload.length, this.#work(id, job)));
  }

  async #finish(id: string, bytes: number, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      // The entry stays pending in the stream and will be taken over.
      this.options.log.error({ err: error, job: id, priority: this.options.priority }, 'the end of a job could not be recorded; it will run again');
    } finally {
      this.#inWork.delete(id);
      this.#bytesInWork -= bytes;
      this.#giveRoom();
    }
  }

  async #work(id: string, job: JobEntry): Promise<void> {
    const { config, keys, run, tell, count } = this.options;
    const { failedLeaves, readable, error, topologyVersion, attempted = true } = await run(job);
    if (job.waiter !== undefined) await tell(job.waiter, readable ? '' : (error?.message ?? 'it failed'));
    if (error === undefined) {
      count('applied');
      this.#settleLater(id);
      return;
    }
    const attempts = job.attempts + (attempted ? 1 : 0);
    const bad = attempted && (attempts >= config.errorLimit || error.code === 'DataLoss');
    count(bad ? 'bad' : 'failed');
    const { waiter: _told, ...rest } = job;
    const next = encodeJob({ ...rest, waiter: undefined, attempts, ...leavesLeft(job, failedLeaves, topologyVersion), lastError: error.message });
    await this.#move(id, bad ? keys.bad : keys.failing, next, error);
  }

  async #move(id: string, target: string, fields: readonly (string | Buffer)[], error: RoostError): Promise<void> {
    const { keys, priority, log } = this.options;
    if (target === keys.bad) log.error({ err: error, job: id, priority }, 'a job was given up; it is kept in the bad-job queue');
    const replies = await this.redis
      .multi()
      .xadd(target, '*', ...fields)
      .xack(keys.queued, workerGroup, id)
      .xdel(keys.queued, id)
      .exec();
    throwFirst(replies);
  }

  /** Gathers the ends of jobs that finish at about the same time into one round trip. */
  #settleLater(id: string): void {
    this.#acknowledge.push(id);
    if (this.#acknowledge.length === 1) {
      setImmediate(() => {
        void this.#flush();
      });
    }
  }

  async #flush(): Promise<void> {
    const ids = this.#acknowledge;
    if (ids.length === 0) return;
    this.#acknowledge = [];
    const { keys, log, priority } = this.options;
    try {
      throwFirst(await this.redis.multi().xack(keys.queued, workerGroup, ...ids).xdel(keys.queued, ...ids).exec());
    } catch (error) {
      log.warn({ err: error, jobs: ids.length, priority }, 'applied jobs could not be taken from the journal; they will run again, which changes nothing');
    }
  }

  async #retryDue(): Promise<void> {
    const { keys, config } = this.options;
    let moved = this.options.paused() ? 0 : retriedAtOnce;
    while (moved === retriedAtOnce && !this.#stopping) {
      moved = Number(await this.redis.eval(retryDueScript, 2, keys.failing, keys.queued, config.errorDelaySeconds * 1000, retriedAtOnce));
    }
  }

  /** Takes jobs whose worker has been silent, gives up those that were delivered too often, and forgets workers that left nothing. */
  async #takeOver(): Promise<void> {
    const { keys, consumer, paused } = this.options;
    if (paused()) return;
    let cursor = '0-0';
    do {
      await this.#room();
      // Not `callBuffer`, which loses the command's name where calls are pipelined by themselves.
      const [next, entries] = await (this.redis as ClaimingRedis).xautoclaimBuffer(keys.queued, workerGroup, consumer, this.#claimAfterMs, cursor, 'COUNT', entriesPerRead);
      cursor = next.toString();
      for (const entry of entries) {
        const id = entry[0].toString();
        if (this.#inWork.has(id)) continue;
        if ((await this.#deliveries(id)) > maxDeliveries && entry[1] !== null) {
          this.options.count('bad');
          await this.#move(id, keys.bad, entry[1], new RoostError('Internal', `job ${id} was delivered ${maxDeliveries} times and never finished`));
        } else this.#take(entry);
      }
    } while (cursor !== '0-0' && !this.#stopping);
    await this.#forgetDeadConsumers();
  }

  async #deliveries(id: string): Promise<number> {
    const [pending] = (await this.redis.xpending(this.options.keys.queued, workerGroup, id, id, 1)) as [string, string, number, number][];
    return pending?.[3] ?? 0;
  }

  async #forgetDeadConsumers(): Promise<void> {
    const { keys, consumer } = this.options;
    const consumers = (await this.redis.xinfo('CONSUMERS', keys.queued, workerGroup)) as (string | number)[][];
    for (const fields of consumers) {
      const info = Object.fromEntries(Array.from({ length: fields.length / 2 }, (_, i): [string, unknown] => [String(fields[2 * i]), fields[2 * i + 1]]));
      const idleMs = Number(info['idle']);
      if (info['name'] !== consumer && Number(info['pending']) === 0 && idleMs > this.#claimAfterMs * 10) {
        await this.redis.xgroup('DELCONSUMER', keys.queued, workerGroup, String(info['name']));
      }
    }
  }
}

/** A job of which nothing was placed is still down to what it was down to before. */
const leavesLeft = (job: JobEntry, failedLeaves: readonly string[] | undefined, topologyVersion: number): Pick<JobEntry, 'onlyLeaves' | 'failedUnder'> =>
  failedLeaves === undefined ? { onlyLeaves: job.onlyLeaves, failedUnder: job.failedUnder } : { onlyLeaves: failedLeaves, failedUnder: topologyVersion };

function throwFirst(replies: [error: Error | null, result: unknown][] | null): void {
  if (replies === null) throw new RoostError('Internal', 'a transaction of Redis was discarded');
  for (const [error] of replies) if (error !== null) throw error;
}
