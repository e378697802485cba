import { BackgroundLoop, Backoff, pause, RoostError } from '../../core/index.js';
import type { Log } from '../../process/index.js';

/** How soon a server sees work that nobody does. */
const lookEveryMs = 250;
const renewEveryMs = 500;
/** What fails because something does not answer is tried again, ever less often, for about an hour. */
const maxFailures = 750;
const [firstRetryMs, longestRetryMs] = [100, 5_000];

/** Thrown when the work is somebody else's now, the operator wants something else of it, or this process closes. */
export class LeaseLost extends Error {}

/** Something that this server has claimed, and that another goes on with where this one dies. */
export interface LeasedTask {
  /** For the log: `move 12`. */
  readonly name: string;
  /** Keeps the lease, and saves what is to be kept of the work. False when the lease is lost. */
  renew(trouble: string): Promise<boolean>;
  release(): Promise<void>;
  /** Works from wherever it was saved to the end, and records that. */
  run(lease: TaskLease): Promise<void>;
  /** Records that it cannot be done. Called again where that fails. */
  fail(error: RoostError): Promise<void>;
}

/** The right to do a task, for as long as `signal` is not aborted. */
export class TaskLease {
  /** What the work is being tried again after; empty while nothing is in its way. */
  trouble = '';
  readonly #stop = new AbortController();

  constructor(
    private readonly task: LeasedTask,
    private readonly log: Log,
  ) {}

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Ends the right; what is under way stops where it is. */
  abandon(): void {
    this.#stop.abort();
  }

  /** Throws `LeaseLost` unless the task is this server's at this moment. */
  async check(): Promise<void> {
    if (this.signal.aborted || !(await this.task.renew(this.trouble))) throw new LeaseLost();
  }

  /** Records the end of the task, unless it is another's by now: one that was too slow must not report on what others have done since. */
  async end(record: () => Promise<void>): Promise<void> {
    await this.retry(async () => {
      await this.check();
      await record();
    });
  }

  /** Tries again what fails for reasons that pass. `onFailure` sees each failure first. */
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

  /** Until the right ends, also while one step takes long. */
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

/** Claims the tasks of one kind as long as there are any, and does them side by side, each under its lease. */
export class LeasedWork {
  readonly #running = new Set<Promise<void>>();
  readonly #leases = new Set<TaskLease>();
  readonly #looking: BackgroundLoop;

  constructor(
    /** For the log: `moves`. */
    kind: string,
    /** Takes a task that nobody does; undefined where there is none, or enough is in work. */
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

  /** Hands back what runs here, each where it is. */
  async stop(): Promise<void> {
    await this.#looking.stop();
    for (const lease of this.#leases) lease.abandon();
    await Promise.all(this.#running);
  }

  /** Begins a task that waits, and looks for the next at once. */
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
      // The lease runs out, and another server goes on from what was saved.
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
