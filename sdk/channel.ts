import { setMaxListeners } from 'node:events';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Backoff, Deadline, limits, type Micros, parseCount, RoostError } from '../core/index.js';
import { checkAborted, unlessAborted } from './abort.js';
import type { RoostTypes } from '../wire/index.js';
import type { ClientTelemetry, ObservedCall } from './clientTelemetry.js';
import { ClusterCheck, isOfServerAlone } from './clusterCheck.js';
import { RetryBudget } from './retryBudget.js';
import { Server, type Whereabouts } from './server.js';
import type { ClusterService } from './clusterService.js';
import type { Invoke } from './thriftConnection.js';

export interface CallOptions {
  /** Time for the call with all its retries: 1 … limits.maxDeadlineMs. Absent: the client's default. */
  readonly deadlineMs?: number;
  /**
   * Ends the wait when aborted: the call throws `FailedPrecondition` with the signal's reason as its cause, or
   * `DeadlineExceeded` for a signal of `AbortSignal.timeout`. The server goes on with a call that it has: a write may
   * still happen.
   */
  readonly signal?: AbortSignal;
}

export interface CloseOptions {
  /**
   * Time for calls in flight, and calls that follow from them, to end by themselves. Absent: 0, which fails them at
   * once.
   */
  readonly drainMs?: number;
}

/** What a call that may be attempted several times does around its attempts. */
export interface CallCourse {
  /** Runs before the first attempt. */
  begin(): Promise<void>;
  /** Runs after a failed attempt. Returns the error for the caller, which also says whether to try again. */
  failed(error: RoostError): Promise<RoostError>;
}

/** The journal's clock, as far as the client knows it. */
export interface TimeOfJournal {
  /**
   * The last moment at which a write with this deadline may be accepted. Undefined if the servers do not tell the
   * time. Throws the error of asking for it.
   */
  lastMoment(deadline: Deadline): Promise<Micros | undefined>;
  /** Takes in a time that an answer carried. */
  learn(time: Micros): void;
}

/**
 * Connections that may break under one call. The call itself may be what breaks them, and their servers with them.
 */
const lossesOfCall = 2;
const firstPauseMs = 10;
const maxPauseMs = 1_000;

/**
 * Calls a set of equal servers. Servers take turns. After a retryable failure the call goes to another server, or
 * waits if there is none, until its deadline. Reads are repeated as they are; writes carry an identity (`write`), so
 * that all attempts count as one write.
 */
export class Channel<C extends object> {
  readonly #servers: readonly Server<C>[];
  readonly #closing = new AbortController();
  readonly #retries = new RetryBudget();
  #turn = 0;
  #underWay = 0;
  /** Resolves the wait for idleness. */
  #idle: () => void = () => undefined;

  constructor(
    addresses: readonly Whereabouts[],
    service: ClusterService<C>,
    /** Deadline of calls that bring none. */
    readonly deadlineMs: number = limits.defaultDeadlineMs,
    /** Absent: a write is accepted as often as it is sent. */
    readonly time?: TimeOfJournal,
    clusterCheck = new ClusterCheck(undefined),
    /** Absent: calls are neither traced nor counted. */
    private readonly telemetry?: ClientTelemetry,
  ) {
    this.#servers = addresses.map((address) => new Server(address, service, clusterCheck));
    parseCount(deadlineMs, 'deadlineMs', 1, limits.maxDeadlineMs);
    // Every pausing call adds a listener.
    setMaxListeners(0, this.#closing.signal);
  }

  /**
   * Throws the server's error if a retry cannot help. Otherwise retries until the deadline and throws the last error.
   * Stops earlier when the connection breaks under the call a second time, or when the retry budget for busy servers
   * is used up.
   */
  call<T>(invoke: Invoke<C, T>, options: CallOptions = {}): Promise<T> {
    return this.callWithin(this.deadline(options), invoke, options.signal);
  }

  /** The deadline of a call that begins now, for work that takes several calls. */
  deadline(options: CallOptions): Deadline {
    return Deadline.after(parseCount(options.deadlineMs ?? this.deadlineMs, 'deadlineMs', 1, limits.maxDeadlineMs));
  }

  /** As `call`. */
  async callWithin<T>(deadline: Deadline, invoke: Invoke<C, T>, signal?: AbortSignal, course?: CallCourse): Promise<T> {
    const observed = this.telemetry?.begin();
    this.#underWay++;
    let failure: RoostError | undefined;
    try {
      return await unlessAborted(signal, () =>
        this.#attempts(observed?.traced(deadline) ?? deadline, invoke, signal, course, observed),
      );
    } catch (error) {
      failure = RoostError.from(error);
      throw error;
    } finally {
      if (--this.#underWay === 0) this.#idle();
      observed?.ended(failure);
    }
  }

  async #attempts<T>(
    deadline: Deadline,
    invoke: Invoke<C, T>,
    signal: AbortSignal | undefined,
    course: CallCourse | undefined,
    observed: ObservedCall | undefined,
  ): Promise<T> {
    if (course !== undefined) await course.begin();
    let failed: Server<C> | undefined;
    let losses = 0;
    let backoff: Backoff | undefined;
    this.#retries.deposit();
    for (let attempt = 0; ; attempt++) {
      this.#checkOpen();
      checkAborted(signal);
      const server = this.#pick(failed);
      let error: RoostError;
      try {
        return await server.call(invoke, deadline, observed);
      } catch (thrown) {
        error = RoostError.from(thrown);
      }
      this.#checkOpen();
      const told = course === undefined ? error : await course.failed(error);
      // A server of another cluster is skipped; the others may still belong to this one.
      const worthAnother = told.retryable || (isOfServerAlone(error) && attempt < this.#servers.length - 1);
      if (!worthAnother || deadline.passed) throw told;
      if (error.fields['sent'] !== undefined && ++losses >= lossesOfCall) throw told;
      if (error.code === 'Overloaded' && !this.#retries.withdraw()) throw told;
      failed = server;
      backoff ??= new Backoff(firstPauseMs, maxPauseMs);
      await this.#pause(told, attempt, backoff.next(), deadline, server);
      observed?.retried(error);
    }
  }

  /** What each server says about itself, by place; asked for on demand. */
  get infos(): readonly ((deadline: Deadline) => Promise<RoostTypes.ServerInfo>)[] {
    return this.#servers.map((server) => (deadline) => server.info(deadline));
  }

  /** Waits until nothing is in flight and nothing follows from what was, at most until the deadline. */
  async drain(deadline: Deadline): Promise<void> {
    // One turn of the event loop sends the calls being gathered, and lets work of several calls make its next one.
    await nextTurn();
    while (this.#underWay > 0 && !deadline.passed) {
      const idle = new Promise<void>((resolve) => (this.#idle = resolve));
      await deadline.race(idle, 'draining').catch(() => undefined);
      await nextTurn();
    }
  }

  /** Fails the calls in flight and closes all connections. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#servers.map((server) => server.close()));
  }

  /**
   * The server with the fewest calls in flight; ties take turns. A server in backoff, or one that has just failed, is
   * chosen only if there is no other.
   */
  #pick(failed: Server<C> | undefined): Server<C> {
    if (this.#servers.length === 1) return this.#servers[0]!;
    this.#turn = (this.#turn + 1) % this.#servers.length;
    const inTurn = [...this.#servers.slice(this.#turn), ...this.#servers.slice(0, this.#turn)].filter(
      (server) => server !== failed,
    );
    const ready = inTurn.filter((server) => server.backoffMs === 0);
    if (ready.length > 0) return ready.reduce((a, b) => (b.inFlight < a.inFlight ? b : a));
    return inTurn.reduce((a, b) => (b.backoffMs < a.backoffMs ? b : a));
  }

  /** Waits before the next attempt. Throws the error if the wait would pass the deadline. */
  async #pause(
    error: RoostError,
    attempt: number,
    leastMs: number,
    deadline: Deadline,
    failed: Server<C>,
  ): Promise<void> {
    // In the first round, another server is tried without waiting.
    if (
      attempt < this.#servers.length - 1 &&
      this.#servers.some((server) => server !== failed && server.backoffMs === 0)
    )
      return;
    const pauseMs = Math.max(
      leastMs * (0.5 + Math.random() / 2),
      error.retryAfterMs ?? 0,
      Math.min(...this.#servers.map((server) => server.backoffMs)),
    );
    if (pauseMs >= deadline.remainingMs()) throw error;
    try {
      await sleep(pauseMs, undefined, { signal: this.#closing.signal });
    } catch {
      this.#checkOpen();
    }
  }

  #checkOpen(): void {
    if (this.#closing.signal.aborted) throw new RoostError('FailedPrecondition', 'the client has been closed');
  }
}
