import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { Deadline, RoostError, type JobsConfig, type Log } from '../../core/index.js';
import { markMoved, writeOf } from './acceptedBefore.js';
import { FailingJobs } from './failingJobs.js';
import { decodeJob, type JobEntry } from './jobEntry.js';
import type { JobOutcome } from './jobRunner.js';
import { createGroup } from './journal.js';
import type { JournalGuard } from './journalGuard.js';
import type { Priority } from './priority.js';
import { workerGroup, type StreamKeys } from './streamKeys.js';
import { forgetSilentScript, settleScript } from './workerScripts.js';

/** Entries taken from the stream at once, and bytes of payload in work before the next are taken. */
const entriesPerRead = 64;
const maxEntriesInWork = 1_024;
const maxBytesInWork = 8 * 1024 * 1024;
/** How long a read of an empty stream waits before it looks whether it should stop. */
const blockMs = 250;
/** Wait after a failure of Redis before the loop goes on. */
const pauseAfterErrorMs = 250;
const failingLookEveryMs = 200;
const pausedLookEveryMs = 50;
/** A job delivered this often without an outcome kills its workers, and is given up. */
const maxDeliveries = 10;

/** What handing back jobs may take when a worker stops; then they are left to be taken over. */
const handBackMs = 2_000;

export interface JobWorkerOptions {
  readonly cluster: string;
  readonly priority: Priority;
  readonly keys: StreamKeys;
  readonly consumer: string;
  readonly config: JobsConfig;
  readonly run: (job: JobEntry) => Promise<JobOutcome>;
  /** Says whether Redis is the cluster's journal. Nothing is taken from another. */
  readonly guard: Pick<JournalGuard, 'trusted' | 'look'>;
  /** While true no more jobs are taken; those in work are finished. */
  readonly paused: () => boolean;
  /** While true this server takes no jobs, and hands back what it has taken: others can do it. Absent: never. */
  readonly unable?: () => boolean;
  /** Where the oldest topology that jobs may be applied under is kept, and the one that is known here. Absent: it does not matter to these jobs. */
  readonly fence?: { readonly key: string; readonly version: () => number };
  readonly tell: (waiter: string, error: string) => Promise<void>;
  /** Resolves when no read finds a job missing on the leaves that were marked as lagging with this number: all servers know of them, and no cache holds what was read there before. */
  readonly settled: (mark: number, job: JobEntry) => Promise<void>;
  /** `ageMs` is the time since the journal accepted the job. */
  readonly count: (outcome: 'applied' | 'failed' | 'bad', ageMs: number) => void;
  readonly log: Log;
}

type RawEntry = readonly [id: Buffer, fields: Buffer[] | null];

/** An applied job that is to be taken from the journal, and who waits for that. */
interface Settled {
  readonly id: string;
  readonly waiter: string | undefined;
}

interface Work {
  readonly fields: readonly Buffer[];
  readonly ended: Promise<void>;
}

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

/**
 * Takes jobs of one priority from the journal, has them run, and gives each its end: applied, failing or bad.
 * A job leaves the stream in the same step that records its end, so that a crash at any moment leaves it to be taken over.
 */
export class JobWorker {
  readonly #inWork = new Map<string, Work>();
  #bytesInWork = 0;
  #stopping = false;
  #waitingForRoom: (() => void)[] = [];
  readonly #loops: Promise<void>[] = [];
  readonly #pauses = new Set<() => void>();
  /** Applied jobs that are still to be taken from the journal, by the topology under which they were applied. */
  #acknowledge = new Map<number, Settled[]>();
  /** A topology that jobs may no longer be applied under. */
  #outdated = -Infinity;
  #flushed: Promise<void> = Promise.resolve();
  readonly #failing: FailingJobs;

  constructor(
    private readonly redis: Redis,
    /** A connection of its own, since its reads block. */
    private readonly reader: Redis,
    private readonly options: JobWorkerOptions,
  ) {
    redis.defineCommand('roostSettle', { lua: settleScript, numberOfKeys: 2 });
    const { fence } = options;
    this.#failing = new FailingJobs(redis, {
      ...options,
      fenceKey: fence?.key,
      paused: () => this.#paused,
      outdated: (version) => this.#isOutdated(version),
    });
  }

  start(): void {
    this.#loops.push(
      this.#loop('reading the journal', 0, () => this.#read()),
      this.#loop('retrying failed jobs', failingLookEveryMs, () => this.#failing.look()),
      this.#loop('taking over abandoned jobs', this.#claimAfterMs / 2, () => this.#takeOver()),
      this.#loop('holding on to jobs in work', this.#claimAfterMs / 4, () => this.#holdOn()),
    );
  }

  /** Looks for failing jobs that an operator wants tried again, sooner than it would. Does nothing where it was not started. */
  lookNow(): void {
    if (this.#loops.length === 0 || this.#stopping) return;
    this.#failing
      .look()
      .catch((error: unknown) => this.options.log.debug({ err: error }, 'failing jobs are looked at a little later'));
  }

  /**
   * Stops taking jobs, finishes what is in work within `graceMs`, and hands the rest back for others to take at once.
   * Its loops may still wait for an answer of Redis then, until the connection is closed.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    for (const wake of this.#pauses) wake();
    this.#giveRoom();
    await atMost(
      graceMs,
      Promise.all([
        this.#loopsEnded.then(() => Promise.all(Array.from(this.#inWork.values(), ({ ended }) => ended))),
        this.#failing.stop(),
      ]),
    );
    // A read that is under way would take what is handed back.
    await atMost(2 * blockMs, this.#loopsEnded);
    try {
      await Deadline.after(handBackMs).race(this.#handBack(), 'handing back jobs');
    } catch (error) {
      this.options.log.warn(
        { err: error, priority: this.options.priority },
        'jobs in work could not be handed back; others will take them over',
      );
    }
    this.reader.disconnect();
  }

  get #loopsEnded(): Promise<unknown> {
    return Promise.all(this.#loops);
  }

  /** Puts what is still in work at the end of the queue. Should it be applied here all the same, it is applied twice, which changes nothing. */
  async #handBack(): Promise<void> {
    const { log, priority } = this.options;
    const left = Array.from(this.#inWork, ([id, { fields }]): [string, readonly Buffer[]] => [id, fields]);
    this.#inWork.clear();
    if (left.length > 0) log.warn({ jobs: left.length, priority }, 'handing back jobs that did not finish in time');
    await this.#putBack(left);
    await this.#flushed;
    await this.#flush();
  }

  /** Entries without fields were taken from the stream already. */
  async #putBack(entries: readonly (readonly [id: string, fields: readonly Buffer[] | null])[]): Promise<void> {
    if (entries.length === 0) return;
    const { queued } = this.options.keys;
    const transaction = this.redis.multi();
    for (const [id, fields] of entries) {
      if (fields !== null) {
        transaction.xadd(queued, '*', ...fields);
        markMoved(transaction, writeOf(fields));
      }
      transaction.xack(queued, workerGroup, id).xdel(queued, id);
    }
    throwFirst(await transaction.exec());
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
        if (reason !== lastReason)
          this.options.log.error({ err: error, priority: this.options.priority }, `${what} failed; trying again`);
        lastReason = reason;
        // A new journal, or a Redis that has lost its data: then there is nothing to take from it. Where this fails, the next attempt says why.
        if (reason.startsWith('NOGROUP')) await this.#prepare().catch(() => undefined);
        await this.#pause(pauseAfterErrorMs);
      }
    }
  }

  async #prepare(): Promise<void> {
    await this.options.guard.look();
    await createGroup(this.redis, this.options.keys.queued);
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
    if (this.#paused) return this.#pause(pausedLookEveryMs);
    if (this.#stopping) return;
    const reply = (await this.reader.xreadgroupBuffer(
      'GROUP',
      workerGroup,
      consumer,
      'COUNT',
      entriesPerRead,
      'BLOCK',
      blockMs,
      'STREAMS',
      keys.queued,
      '>',
    )) as [key: Buffer, entries: RawEntry[]][] | null;
    // The pause may have come while the read waited.
    while (reply !== null && this.#paused && !this.#stopping && !this.#unable) await this.#pause(pausedLookEveryMs);
    // Redis tells the worker of a new job in the same breath as the caller who journalled it: the caller's answer goes out first.
    await nextTurn();
    const entries = (reply ?? []).flatMap(([, read]) => read);
    if (this.#stopping || this.#unable) return this.#putBack(entries.map(([id, fields]) => [id.toString(), fields]));
    for (const entry of entries) this.#take(entry);
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
      this.#settleLater({ id, waiter: undefined }, Number.MAX_SAFE_INTEGER);
      return;
    }
    let job: JobEntry;
    try {
      job = decodeJob(fields);
    } catch (error) {
      this.#inWork.set(id, {
        fields,
        ended: this.#finish(
          id,
          0,
          this.#failing.giveUp(this.options.keys.queued, '', id, fields, RoostError.from(error)),
        ),
      });
      return;
    }
    this.#bytesInWork += job.payload.length;
    this.#inWork.set(id, { fields, ended: this.#finish(id, job.payload.length, this.#work(id, job)) });
  }

  async #finish(id: string, bytes: number, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      // The entry stays pending in the stream and will be taken over.
      this.options.log.error(
        { err: error, job: id, priority: this.options.priority },
        'the end of a job could not be recorded; it will run again',
      );
    } finally {
      this.#inWork.delete(id);
      this.#bytesInWork -= bytes;
      this.#giveRoom();
    }
  }

  async #work(id: string, job: JobEntry): Promise<void> {
    const { keys, run, count, settled } = this.options;
    const outcome = await run(job);
    // Handed back meanwhile: whoever has it now says how it ends.
    const work = this.#inWork.get(id);
    if (work === undefined) return;
    const { failures, readable, topologyVersion, handBack } = outcome;
    if (handBack === true) return this.#putBack([[id, work.fields]]);
    const [failure] = failures;
    if (failure === undefined) {
      count('applied', Math.max(0, Date.now() - job.acceptedAtMs));
      this.#settleLater({ id, waiter: job.waiter }, topologyVersion);
      return;
    }
    const { state, mark } = await this.#failing.refile(keys.queued, '', id, job, outcome);
    // Where it was gone, another worker had taken it over, and tells.
    if (state === 'late') {
      this.#isOutdated(topologyVersion);
      return this.#putBack([[id, work.fields]]);
    }
    if (job.waiter === undefined || state === 'gone') return;
    // Once it is answered no read may meet a leaf that lacks it, where another has it.
    const problem = readable
      ? await settled(mark, job).then(
          () => '',
          (error: unknown) => RoostError.from(error).message,
        )
      : failure.error.message;
    await this.#tell(job.waiter, problem);
  }

  /** Whoever waits and does not hear of it runs into a deadline; the job itself is none the worse. */
  async #tell(waiter: string, error: string): Promise<void> {
    try {
      await this.options.tell(waiter, error);
    } catch (cause) {
      this.options.log.warn(
        { err: cause, priority: this.options.priority },
        'a caller could not be told that its write was applied',
      );
    }
  }

  /** Gathers the ends of jobs that finish at about the same time into one round trip. */
  #settleLater(job: Settled, topologyVersion: number): void {
    const jobs = this.#acknowledge.get(topologyVersion);
    if (jobs !== undefined) jobs.push(job);
    else this.#acknowledge.set(topologyVersion, [job]);
    if (this.#acknowledge.size > 1 || jobs !== undefined) return;
    setImmediate(() => {
      this.#flushed = this.#flush();
    });
  }

  async #flush(): Promise<void> {
    const settled = this.#acknowledge;
    this.#acknowledge = new Map();
    await Promise.all(Array.from(settled, ([topologyVersion, jobs]) => this.#settle(jobs, topologyVersion)));
  }

  async #settle(jobs: readonly Settled[], topologyVersion: number): Promise<void> {
    const ids = jobs.map(({ id }) => id);
    const { keys, fence, log, priority } = this.options;
    try {
      if (fence === undefined) {
        throwFirst(
          await this.redis
            .multi()
            .xack(keys.queued, workerGroup, ...ids)
            .xdel(keys.queued, ...ids)
            .exec(),
        );
      } else if ((await this.redis.roostSettle(keys.queued, fence.key, workerGroup, topologyVersion, ids)) === 1) {
        this.#isOutdated(topologyVersion);
        // They are in the queue again, with their waiters: whoever applies them under a newer topology tells.
        return;
      }
    } catch (error) {
      log.warn(
        { err: error, jobs: ids.length, priority },
        'applied jobs could not be taken from the journal; they will run again, which changes nothing',
      );
      return;
    }
    await Promise.all(jobs.flatMap(({ waiter }) => (waiter === undefined ? [] : [this.#tell(waiter, '')])));
  }

  /** While true no more jobs are taken. */
  get #paused(): boolean {
    const { guard, paused, fence } = this.options;
    return !guard.trusted || paused() || this.#unable || (fence !== undefined && fence.version() <= this.#outdated);
  }

  get #unable(): boolean {
    return this.options.unable?.() === true;
  }

  #isOutdated(version: number): void {
    const { fence, log, priority } = this.options;
    if (version > this.#outdated)
      log.warn(
        { version, key: fence?.key, priority },
        'this server works with a topology that is no longer in use; it takes no jobs until it has a newer one',
      );
    this.#outdated = Math.max(this.#outdated, version);
  }

  /** Says that the jobs in work are not abandoned. Unlike a delivery this is not counted. */
  async #holdOn(): Promise<void> {
    const ids = [...this.#inWork.keys()];
    if (ids.length > 0)
      await this.redis.xclaim(this.options.keys.queued, workerGroup, this.options.consumer, 0, ...ids, 'JUSTID');
  }

  /** Takes jobs whose worker has been silent, gives up those that were delivered too often, and forgets workers that are gone. */
  async #takeOver(): Promise<void> {
    const { keys, consumer } = this.options;
    if (this.#paused) return;
    let cursor = '0-0';
    do {
      await this.#room();
      // Not `callBuffer`, which loses the command's name where calls are pipelined by themselves.
      const [next, entries] = await (this.redis as ClaimingRedis).xautoclaimBuffer(
        keys.queued,
        workerGroup,
        consumer,
        this.#claimAfterMs,
        cursor,
        'COUNT',
        entriesPerRead,
      );
      cursor = next.toString();
      for (const entry of entries) {
        const id = entry[0].toString();
        if (this.#inWork.has(id)) continue;
        if ((await this.#deliveries(id)) > maxDeliveries && entry[1] !== null) {
          await this.#failing.giveUp(
            keys.queued,
            '',
            id,
            entry[1],
            new RoostError('Internal', `job ${id} was delivered ${maxDeliveries} times and never finished`),
          );
        } else this.#take(entry);
      }
    } while (cursor !== '0-0' && !this.#stopping);
    await this.redis.eval(forgetSilentScript, 1, keys.queued, workerGroup, this.#claimAfterMs * 10);
  }

  async #deliveries(id: string): Promise<number> {
    const [pending] = (await this.redis.xpending(this.options.keys.queued, workerGroup, id, id, 1)) as [
      string,
      string,
      number,
      number,
    ][];
    return pending?.[3] ?? 0;
  }
}

/** Waits for work that never fails, but no longer than some time. */
async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, timeout]);
  clearTimeout(timer);
}

function throwFirst(replies: [error: Error | null, result: unknown][] | null): void {
  if (replies === null) throw new RoostError('Internal', 'a transaction of Redis was discarded');
  for (const [error] of replies) if (error !== null) throw error;
}
