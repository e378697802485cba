import { BackgroundLoop, Backoff, pause, RoostError } from '../../core/index.js';
import type { Log } from '../../process/index.js';

/** How soon a server notices waiting work. */
const lookEveryMs = 250;
const renewEveryMs = 500;
/** Work that fails because something does not answer is retried, ever less often, for about an hour. */
const maxFailures = 750;
const [firstRetryMs, longestRetryMs] = [100, 5_000];

/** Thrown when the work belongs to another server, the operator wants something else, or this process closes. */
export class LeaseLost extends Error {}

/** Claimed work, which another server continues if this one dies. */
export interface LeasedTask {
  /** For the log: `move 12`. */
  readonly name: string;
  /** Renews the lease, and saves progress. False if the lease is lost. */
  renew(trouble: string): Promise<boolean>;
  release(): Promise<void>;
  /** Works from the saved progress to the end, and records that. */
  run(lease: TaskLease): Promise<void>;
  /** Records that the task cannot be done. Called again if that fails. */
  fail(error: RoostError): Promise<void>;
}

/** The right to work on a task, until `signal` is aborted. */
export class TaskLease {
  /** Why the work is being retried; empty if nothing is in its way. */
  trouble = '';
  readonly #stop = new AbortController();

  constructor(
    private readonly task: LeasedTask,
    private readonly log: Log,
  ) {}

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Ends the right; running work stops where it is. */
  abandon(): void {
    this.#stop.abort();
  }

  /** Throws `LeaseLost` unless the task belongs to this server at this moment. */
  async check(): Promise<void> {
    if (this.signal.aborted || !(await this.task.renew(this.trouble))) throw new LeaseLost();
  }

  /**
   * Records the end of the task, unless another server has it by now: a slow one must not report on what others have
   * done since.
   */
  async end(record: () => Promise<void>): Promise<void> {
    await this.retry(async () => {
      await this.check();
      await record();
    });
  }

  /** Retries after passing failures. `onFailure` sees each failure first. */
  async retry<T>(work: () => Promise<T>, onFailure: (error: RoostError) => void = () => undefined): Promise<T> {
    const backoff = new Backoff(firstRetryMs, longestRetryMs);
    for (let failures = 1; ; failures++) {
      if (this.signal.aborted) throw new LeaseLost();
      try {
        const result = await work();
        this.trouble = '';
        return result;
      } catch (error) {
        if (this.signal.aborted || error instanceof LeaseLost) throw new LeaseLost();
        if (!(error instanceof RoostError && error.retryable) || failures >= maxFailures) throw error;
        onFailure(error);
        if (this.trouble !== error.message) this.log.warn({ err: error }, `${this.task.name} is held up; trying again`);
        this.trouble = error.message;
        await this.#pause(backoff.next());
      }
    }
  }

  /** Renews until the right ends, also during a long step. */
  async keepRenewing(): Promise<void> {
    while (!this.signal.aborted) {
      await this.#pause(renewEveryMs);
      if (this.signal.aborted) return;
      try {
        if (!(await this.task.renew(this.trouble))) this.abandon();
      } catch (error) {
        this.log.warn({ err: error }, `the lease on ${this.task.name} could not be renewed`);
      }
    }
  }

  async #pause(ms: number): Promise<void> {
    await pause(ms, this.signal);
  }
}

/** Claims tasks of one kind while there are any, and works on them concurrently, each under its lease. */
export class LeasedWork {
  readonly #running = new Set<Promise<void>>();
  readonly #leases = new Set<TaskLease>();
  readonly #looking: BackgroundLoop;

  constructor(
    /** For the log: `moves`. */
    kind: string,
    /** Claims a waiting task; undefined if there is none, or enough are in work. */
    private readonly claim: () => Promise<LeasedTask | undefined>,
    private readonly log: Log,
  ) {
    this.#looking = new BackgroundLoop(() => this.#look(), {
      everyMs: lookEveryMs,
      onError: (error, repeated) => {
        if (!repeated) log.warn({ err: error }, `the ${kind} that wait could not be read`);
      },
    });
  }

  start(): void {
    this.#looking.start();
  }

  /** Releases what runs here, each task where it is. */
  async stop(): Promise<void> {
    await this.#looking.stop();
    for (const lease of this.#leases) lease.abandon();
    await Promise.all(this.#running);
  }

  /** Starts a waiting task, and looks for the next at once. */
  async #look(): Promise<number> {
    const task = await this.claim();
    if (task === undefined) return lookEveryMs;
    const run = this.#run(task).finally(() => this.#running.delete(run));
    this.#running.add(run);
    return 0;
  }

  async #run(task: LeasedTask): Promise<void> {
    const lease = new TaskLease(task, this.log);
    this.#leases.add(lease);
    const renewing = lease.keepRenewing();
    try {
      await this.#toItsEnd(task, lease);
    } catch (error) {
      // The lease expires, and another server continues from the saved progress.
      if (!(error instanceof LeaseLost))
        this.log.error({ err: error }, `the end of ${task.name} could not be recorded`);
    } finally {
      lease.abandon();
      this.#leases.delete(lease);
      await renewing;
      await task
        .release()
        .catch((error: unknown) => this.log.debug({ err: error }, `the lease on ${task.name} has to run out`));
    }
  }

  async #toItsEnd(task: LeasedTask, lease: TaskLease): Promise<void> {
    try {
      await task.run(lease);
    } catch (error) {
      if (error instanceof LeaseLost || lease.signal.aborted) throw new LeaseLost();
      this.log.error({ err: error }, `${task.name} failed`);
      await lease.end(() => task.fail(RoostError.from(error)));
    }
  }
}
