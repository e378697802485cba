import type { Redis } from 'ioredis';
import { atMost, BackgroundLoop, Deadline, giveWay, RoostError } from '../../core/index.js';
import { Attempts } from './attempts.js';
import { FailingJobs } from './failingJobs.js';
import { decodeJob, type JobEntry, type RawEntry } from './jobEntry.js';
import { blockMs, JobReader } from './jobReader.js';
import { JobsInWork } from './jobsInWork.js';
import { createGroup } from './journal.js';
import type { JournalGuard } from './journalGuard.js';
import type { WorkContext } from './queueContext.js';
import { Settling } from './settling.js';
import { TakeOver } from './takeOver.js';

/** Pause of a loop after a failure of Redis. */
const pauseAfterErrorMs = 250;
const failingLookEveryMs = 200;
const closedLookEveryMs = 50;
/** Time for handing back jobs when a worker stops; after that they are left to be taken over. */
const handBackMs = 2_000;

/**
 * Whether a worker takes jobs. `paused`: it finishes its running jobs. `unable`: it hands back jobs, since other
 * servers can do them.
 */
export type Intake = 'open' | 'paused' | 'unable';

/** Callers that wait until their job has been applied. */
export interface Callers {
  /** `error` is empty once every part of the job is on a replica that serves reads. */
  tell(waiter: string, error: string): Promise<void>;
  /**
   * Resolves when no read can miss the job on the leaves that were marked as lagging with this number. Then every
   * server knows that they lag, and no cache holds a value read there before.
   */
  settled(mark: number, job: JobEntry): Promise<void>;
}

export interface JobWorkerOptions extends WorkContext {
  /** Tells whether Redis is the cluster's journal. Jobs are taken from no other. */
  readonly guard: Pick<JournalGuard, 'trusted' | 'look' | 'replicas'>;
  readonly intake: () => Intake;
  /** Absent: nobody waits for these jobs. */
  readonly callers?: Callers;
}

/**
 * Takes jobs of one priority from the journal, has them run, and records each one's end: applied, failing or bad. A
 * job leaves the stream in the step that records its end, so that after a crash at any moment another worker takes it
 * over.
 */
export class JobWorker {
  readonly #inWork = new JobsInWork();
  readonly #reader: JobReader;
  readonly #takeOver: TakeOver;
  readonly #failing: FailingJobs;
  readonly #attempts: Attempts;
  readonly #settling: Settling;
  readonly #reading: BackgroundLoop;
  readonly #loops: readonly BackgroundLoop[];

  constructor(
    private readonly redis: Redis,
    /** A connection of its own, because its reads block. */
    reader: Redis,
    private readonly options: JobWorkerOptions,
  ) {
    this.#reader = new JobReader(reader, options.keys.queued, options.consumer, options.guard.replicas.counts);
    this.#attempts = new Attempts(redis, options);
    this.#takeOver = new TakeOver(redis, options, this.#attempts);
    this.#failing = new FailingJobs(redis, options, this.#attempts, () => this.#intake() === 'open');
    this.#settling = new Settling(redis, options, (waiter) => this.#tell(waiter, ''));
    this.#reading = this.#loop('reading the journal', 0, () => this.#read());
    this.#loops = [
      this.#reading,
      this.#loop('retrying failed jobs', failingLookEveryMs, () => this.#failing.look()),
      this.#loop('taking over abandoned jobs', this.#takeOver.afterMs / 2, () => this.#takeOverAbandoned()),
      this.#loop('holding on to jobs in work', this.#takeOver.afterMs / 4, () =>
        this.#takeOver.holdOn(this.#inWork.ids),
      ),
    ];
  }

  start(): void {
    for (const loop of this.#loops) loop.start();
  }

  /** Checks at once for failing jobs that an operator wants retried. Does nothing if it was not started. */
  lookNow(): void {
    if (!this.#reading.started || this.#stopping) return;
    this.#failing
      .look()
      .catch((error: unknown) =>
        this.options.log.debug({ err: error }, 'failing jobs could not be read; they are read again later'),
      );
  }

  /**
   * Stops taking jobs, finishes running ones within `graceMs`, and hands the rest back for others to take at once.
   * Its loops may still wait for Redis then, until the connection is closed.
   */
  async stop(graceMs: number): Promise<void> {
    const loopsEnded = Promise.all(this.#loops.map((loop) => loop.stop()));
    this.#inWork.giveRoom();
    await atMost(graceMs, Promise.all([loopsEnded.then(() => this.#inWork.allEnded()), this.#failing.stop()]));
    // A read in progress would take the jobs that are handed back.
    await atMost(2 * blockMs, loopsEnded);
    try {
      await Deadline.after(handBackMs).race(this.#handBack(), 'handing back jobs');
    } catch (error) {
      this.options.log.warn(
        { err: error, priority: this.options.priority },
        'jobs in progress could not be handed back; other servers will take them over',
      );
    }
    this.#reader.close();
  }

  async #handBack(): Promise<void> {
    const { log, priority } = this.options;
    const left = this.#inWork.takeAll();
    if (left.length > 0) log.warn({ jobs: left.length, priority }, 'jobs that did not finish in time are handed back');
    await this.#settling.putBack(left);
    await this.#settling.flushed();
  }

  #loop(what: string, everyMs: number, step: () => Promise<void>): BackgroundLoop {
    const { log, priority } = this.options;
    return new BackgroundLoop(step, {
      everyMs,
      afterErrorMs: pauseAfterErrorMs,
      onError: async (error, repeated) => {
        if (!repeated) log.error({ err: error, priority }, `${what} failed; trying again`);
        // A new journal, or a Redis that has lost its data: there is nothing to take. If this fails, the next attempt
        // reports why.
        if (error instanceof Error && error.message.startsWith('NOGROUP')) await this.#prepare().catch(() => undefined);
      },
    });
  }

  async #prepare(): Promise<void> {
    await this.options.guard.look();
    await createGroup(this.redis, this.options.keys.queued);
  }

  get #stopping(): boolean {
    return this.#reading.stopped;
  }

  /** Decided by this server, Redis and the topology. */
  #intake(): Intake {
    const { intake, guard, fence } = this.options;
    const ofServer = intake();
    return ofServer === 'open' && !(guard.trusted && fence.open) ? 'paused' : ofServer;
  }

  async #read(): Promise<void> {
    await this.#room();
    if (this.#intake() !== 'open') return this.#reading.pause(closedLookEveryMs);
    if (this.#stopping) return;
    const entries = await this.#reader.read();
    // The pause may have begun while the read waited.
    while (entries.length > 0 && this.#intake() === 'paused' && !this.#stopping)
      await this.#reading.pause(closedLookEveryMs);
    if (this.#stopping || this.#intake() === 'unable')
      return this.#settling.putBack(entries.map(([id, fields]) => [id.toString(), fields]));
    for (const [place, entry] of entries.entries()) {
      this.#take(entry);
      await giveWay();
      if (this.#stopping)
        return this.#settling.putBack(entries.slice(place + 1).map(([id, fields]) => [id.toString(), fields]));
    }
  }

  /** Takes the jobs of a worker that is known to be gone; where this fails they are taken once it has been silent for long enough. */
  takeFrom(gone: string): void {
    if (!this.#reading.started || this.#intake() !== 'open') return;
    const { log } = this.options;
    this.#takeOver
      .takeFrom(gone, this.#taking)
      .catch((error: unknown) =>
        log.warn({ err: error }, 'jobs of an ended process could not be taken over; they are taken over later'),
      );
  }

  async #takeOverAbandoned(): Promise<void> {
    if (this.#intake() === 'open') await this.#takeOver.look(this.#taking);
  }

  readonly #taking = {
    ready: async (): Promise<boolean> => {
      await this.#room();
      return !this.#stopping;
    },
    inWork: (id: string): boolean => this.#inWork.has(id),
    take: (entry: RawEntry): void => this.#take(entry),
  };

  async #room(): Promise<void> {
    while (!this.#stopping && this.#inWork.full) await this.#inWork.change();
  }

  #take([rawId, fields]: RawEntry): void {
    const id = rawId.toString();
    if (this.#inWork.has(id)) return;
    if (fields === null) {
      this.#settling.applied({ id, waiter: undefined }, Number.MAX_SAFE_INTEGER);
      return;
    }
    let job: JobEntry;
    try {
      job = decodeJob(fields);
    } catch (error) {
      const place = { stream: this.options.keys.queued, host: '', id };
      this.#inWork.add(id, fields, 0, this.#finish(id, this.#attempts.giveUp(place, fields, RoostError.from(error))));
      return;
    }
    this.#inWork.add(id, fields, job.payload.length, this.#finish(id, this.#work(id, job)));
  }

  async #finish(id: string, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      // The entry stays pending in the stream, and is taken over.
      this.options.log.error(
        { err: error, job: id, priority: this.options.priority },
        'the end of a job could not be recorded; it will run again',
      );
    }
  }

  async #work(id: string, job: JobEntry): Promise<void> {
    const { keys, run, count } = this.options;
    const outcome = await run(job);
    // Handed back meanwhile: its new owner records its end.
    const fields = this.#inWork.fieldsOf(id);
    if (fields === undefined) return;
    const { failures, readable, topologyVersion, handBack } = outcome;
    if (handBack === true) return this.#settling.putBack([[id, fields]]);
    const [failure] = failures;
    if (failure === undefined) {
      count('applied', Math.max(0, Date.now() - job.acceptedAtMs));
      this.#settling.applied({ id, waiter: job.waiter }, topologyVersion);
      return;
    }
    const { state, mark } = await this.#attempts.record({ stream: keys.queued, host: '', id }, job, outcome);
    if (state === 'late') return this.#settling.putBack([[id, fields]]);
    // If it was gone, another worker had taken it over, and notifies.
    if (job.waiter === undefined || state === 'gone') return;
    await this.#tell(job.waiter, readable ? await this.#untilRead(mark, job) : failure.error.message);
  }

  /**
   * Once a caller is answered, no read may find the job missing on one leaf if another has it. Returns why that
   * cannot be guaranteed; empty if it can.
   */
  async #untilRead(mark: number, job: JobEntry): Promise<string> {
    try {
      await this.options.callers?.settled(mark, job);
      return '';
    } catch (error) {
      return RoostError.from(error).message;
    }
  }

  /** A caller that is not notified runs into its deadline; the job is unaffected. */
  async #tell(waiter: string, error: string): Promise<void> {
    try {
      await this.options.callers?.tell(waiter, error);
    } catch (cause) {
      this.options.log.warn(
        { err: cause, priority: this.options.priority },
        'a caller could not be told that its write was applied',
      );
    }
  }
}
