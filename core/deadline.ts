import { RoostError } from './errors.js';

/**
 * The moment at which a request stops being worth an answer. It is passed down to every wait and every statement.
 * Measured on the monotonic clock, so that a change of the wall clock neither cuts nor prolongs a request.
 */
export class Deadline {
  private constructor(private readonly atMs: number) {}

  static after(ms: number): Deadline {
    return new Deadline(performance.now() + ms);
  }

  /** The earlier of this deadline and one `ms` from now: a part's own limit inside the whole request's. */
  within(ms: number): Deadline {
    return new Deadline(Math.min(this.atMs, performance.now() + ms));
  }

  /** Milliseconds left; 0 when it has passed. */
  remainingMs(): number {
    return Math.max(0, this.atMs - performance.now());
  }

  get passed(): boolean {
    return performance.now() >= this.atMs;
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
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        onTimeout?.();
        reject(deadlineExceeded(what));
      }, this.remainingMs());
    });
    try {
      return await Promise.race([promise, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }
}

export const deadlineExceeded = (what: string, cause?: unknown): RoostError =>
  new RoostError('DeadlineExceeded', `${what} did not finish before its deadline`, { cause });
