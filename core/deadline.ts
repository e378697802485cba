import type { Cancellation } from './cancellation.js';
import { RoostError } from './errors.js';
import type { SpanAttributes, SpanKind } from './openTelemetry.js';
import type { Trace } from './tracing.js';

/**
 * The moment after which an answer is of no use. Every wait and every statement gets it. It uses the monotonic clock:
 * a change of the wall clock neither shortens nor prolongs a request. With a cancellation it can pass early, when the
 * waiting client disconnects.
 */
export class Deadline {
  private constructor(
    private readonly atMs: number,
    private readonly cancellation: Cancellation | undefined,
    /**
     * Whether a remote caller can be told `Overloaded` and retry. Queues then refuse the work rather than let it wait
     * for long.
     */
    readonly refusable: boolean,
    /** Each is told if the work reads from a stale replica. */
    private readonly observations: readonly Observation[] = [],
    /** The place in a trace that the work belongs to. Absent: it is not traced. */
    readonly trace?: Trace,
  ) {}

  /**
   * The latest of several deadlines, for work that their callers share. The work continues if a caller disconnects,
   * and belongs to the trace of the first of them that has one.
   */
  static latest(deadlines: readonly Deadline[]): Deadline {
    const latest = deadlines.reduce((last, one) => (one.remainingMs() > last.remainingMs() ? one : last));
    const observations = [...new Set(deadlines.flatMap((one) => one.observations))];
    const trace = deadlines.find((one) => one.trace !== undefined)?.trace;
    const alone = trace === undefined || deadlines.every((one) => one.trace !== undefined);
    return new Deadline(latest.atMs, undefined, latest.refusable, observations, alone ? trace : trace.sharing);
  }

  /** @param cancellation that of the waiting client; the work is then `refusable` */
  static after(ms: number, cancellation?: Cancellation, trace?: Trace): Deadline {
    return new Deadline(performance.now() + ms, cancellation, cancellation !== undefined, [], trace);
  }

  /**
   * The same moment without a cancellation, for work that several callers share. The work continues if a caller
   * disconnects.
   */
  get shared(): Deadline {
    return this.cancellation === undefined
      ? this
      : new Deadline(this.atMs, undefined, this.refusable, this.observations, this.trace);
  }

  /** The earlier of this deadline and one `ms` from now: the limit of one part of a request. */
  within(ms: number): Deadline {
    return new Deadline(
      Math.min(this.atMs, performance.now() + ms),
      this.cancellation,
      this.refusable,
      this.observations,
      this.trace,
    );
  }

  /** The same deadline for part of the work. `observation` then tells whether that part read from a stale replica. */
  observed(observation: Observation): Deadline {
    return new Deadline(this.atMs, this.cancellation, this.refusable, [...this.observations, observation], this.trace);
  }

  /** The same deadline for work that belongs to another place of a trace, or to none. */
  traced(trace: Trace | undefined): Deadline {
    return new Deadline(this.atMs, this.cancellation, this.refusable, this.observations, trace);
  }

  /** Runs part of the work in a span of its trace, under the deadline that it gets. Untraced work just runs. */
  inSpan<T>(
    name: string,
    kind: SpanKind,
    attributes: () => SpanAttributes,
    work: (deadline: Deadline) => Promise<T>,
  ): Promise<T> {
    if (this.trace === undefined) return work(this);
    return this.trace.inSpan(name, kind, attributes(), (trace) => work(this.traced(trace)));
  }

  /** Records that work under this deadline has read from a stale replica. */
  sawLagging(): void {
    for (const observation of this.observations) observation.lagging = true;
  }

  /** Milliseconds left; 0 once it has passed. */
  remainingMs(): number {
    return this.cancellation?.cancelled === true ? 0 : Math.max(0, this.atMs - performance.now());
  }

  get passed(): boolean {
    return this.cancellation?.cancelled === true || performance.now() >= this.atMs;
  }

  /** Throws `DeadlineExceeded` once it has passed. */
  check(what: string): void {
    if (this.passed) throw deadlineExceeded(what);
  }

  /**
   * Waits for a promise at most until the deadline, then rejects with `DeadlineExceeded`. The work behind the promise
   * goes on; `onTimeout` lets the caller stop it.
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

/** What was learned from work under a deadline. */
export interface Observation {
  /** Whether any read came from a replica that lacks writes. No cache may keep results of such reads. */
  lagging: boolean;
}

export const deadlineExceeded = (what: string, cause?: unknown): RoostError =>
  new RoostError('DeadlineExceeded', `${what} did not finish before its deadline`, { cause });
