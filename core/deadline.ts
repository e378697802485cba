import type { Cancellation } from './cancellation.js';
import { RoostError } from './errors.js';

/**
 * The moment at which a request stops being worth an answer. It is passed down to every wait and every statement.
 * Measured on the monotonic clock, so that a change of the wall clock neither cuts nor prolongs a request.
 * With a cancellation it may also pass before its time: when the client that waits for the answer has gone.
 */
export class Deadline {
  private constructor(
    private readonly atMs: number,
    private readonly cancellation: Cancellation | undefined,
    /** Whether the work is a remote caller's, who can be told `Overloaded` and try again: queues refuse it rather than let it wait for long. */
    readonly refusable: boolean,
  ) {}

  /** @param cancellation of the client that waits for the answer; the work is then `refusable` */
  static after(ms: number, cancellation?: Cancellation): Deadline {
    return new Deadline(performance.now() + ms, cancellation, cancellation !== undefined);
  }

  /** The same moment for work that several callers share: it goes on when one of them has gone. */
  get shared(): Deadline {
    return this.cancellation === undefined ? this : new Deadline(this.atMs, undefined, this.refusable);
  }

  /** The earlier of this deadline and one `ms` from now: a part's own limit inside the whole request's. */
  within(ms: number): Deadline {
    return new Deadline(Math.min(this.atMs, performance.now() + ms), this.cancellation, this.refusable);
  }

  /** Milliseconds left; 0 when it has passed. */
  remainingMs(): number {
    return this.cancellation?.cancelled === true ? 0 : Math.max(0, this.atMs - performance.now());
  }

  get passed(): boolean {
    return this.cancellation?.cancelled === true || performance.now() >= this.atMs;
  }

  /** Throws `DeadlineExceeded` when it has passed. */
  check(what: string): void {
    if (this.passed) throw deadlineExceeded(what);
  }

  /**
   * Waits for a promise, at most until the deadline; then rejects with `DeadlineExceeded`. The work behind the promise goes on:
   * `onTimeout` is where the caller stops it.
   */
  async race<T>(promise: Promise<T>, what: string, onTimeout?: () => void): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let forget: (() => void) | undefined;
    const timeout = new Promise<never>((_, reject) => {
      const end = (error: RoostError): void => {
        onTimeout?.();
        reject(error);
      };
      timer = setTimeout(() => end(deadlineExceeded(what)), this.remainingMs());
      forget = this.cancellation?.onCancel(() =>
        end(new RoostError('Unavailable', `${what} was given up: the client has gone`)),
      );
    });
    try {
      return await Promise.race([promise, timeout]);
    } finally {
      clearTimeout(timer);
      forget?.();
    }
  }
}

export const deadlineExceeded = (what: string, cause?: unknown): RoostError =>
  new RoostError('DeadlineExceeded', `${what} did not finish before its deadline`, { cause });
