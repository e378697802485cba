import { setMaxListeners } from 'node:events';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Deadline, limits, parseCount, RoostError, type Micros } from '../core/index.js';
import { checkAborted, unlessAborted } from './abort.js';
import type { RoostFlockModule, RoostTypes } from '../wire/index.js';
import { ClusterCheck, isOfServerAlone } from './clusterCheck.js';
import { RetryBudget } from './retryBudget.js';
import { Server, type Whereabouts } from './server.js';
import type { ClusterService } from './services.js';
import type { Invoke } from './thriftConnection.js';

export interface CallOptions {
  /** How long the call may take with all its retries: 1 … limits.maxDeadlineMs. Absent: the client's own default. */
  readonly deadlineMs?: number;
  /**
   * Ends the wait for the answer when it is aborted: the call throws `FailedPrecondition` with the signal's reason as its cause, or `DeadlineExceeded` for a signal of
   * `AbortSignal.timeout`. A server that has the call goes on with it: a write may be made all the same.
   */
  readonly signal?: AbortSignal;
}

export interface CloseOptions {
  /** How long calls under way may take to end by themselves, those included that they bring about. Absent: 0, which fails them at once. */
  readonly drainMs?: number;
}

/** What a call that may be tried several times keeps in mind. */
export interface CallCourse {
  /** Before the first attempt. */
  begin(): Promise<void>;
  /** After one that failed: the error that the caller is to see, which also says whether there is another. */
  failed(error: RoostError): Promise<RoostError>;
}

/** The time of the journal's clock, as a client knows it. */
export interface TimeOfJournal {
  /** Until when what has this deadline may be accepted. Undefined where servers do not tell the time. Throws what asking for it threw. */
  lastMoment(deadline: Deadline): Promise<Micros | undefined>;
  /** Takes over a time that an answer has just told. */
  learn(time: Micros): void;
}

/** Connections that may end under one call: it may be what ends them, and its servers with them. */
const lossesOfCall = 2;
const firstPauseMs = 10;
const maxPauseMs = 1_000;

/**
 * Makes calls on a set of servers that are equals. Servers take turns; a call that fails with a retryable error goes to another one, or
 * waits for a while where there is none, until its deadline. Reads may be repeated as they are; writes take a course
 * (`write`), so that all attempts are one write to the journal.
 */
export class Channel<C extends object = RoostFlockModule.Client> {
  readonly #servers: readonly Server<C>[];
  readonly #closing = new AbortController();
  readonly #retries = new RetryBudget();
  #turn = 0;
  #underWay = 0;
  /** Wakes who waits until nothing is under way. */
  #idle: () => void = () => undefined;

  constructor(
    addresses: readonly Whereabouts[],
    service: ClusterService<C>,
    /** The deadline of calls that bring none. */
    readonly deadlineMs: number = limits.defaultDeadlineMs,
    /** Absent: writes are accepted as often as they are sent. */
    readonly time?: TimeOfJournal,
    clusterCheck = new ClusterCheck(undefined),
  ) {
    this.#servers = addresses.map((address) => new Server(address, service, clusterCheck));
    parseCount(deadlineMs, 'deadlineMs', 1, limits.maxDeadlineMs);
    // One for each call that pauses.
    setMaxListeners(0, this.#closing.signal);
  }

  /**
   * Throws the server's own error where a retry does not help, and the last one met where none helped before the deadline, or where the connection ended
   * under the call for the second time, or busy servers have refused so many that another attempt would add to it.
   */
  call<T>(invoke: Invoke<C, T>, options: CallOptions = {}): Promise<T> {
    return this.callWithin(this.deadline(options), invoke, options.signal);
  }

  /** The moment until which a call has time that begins now: for what takes several calls. */
  deadline(options: CallOptions): Deadline {
    return Deadline.after(parseCount(options.deadlineMs ?? this.deadlineMs, 'deadlineMs', 1, limits.maxDeadlineMs));
  }

  /** As `call`. */
  async callWithin<T>(deadline: Deadline, invoke: Invoke<C, T>, signal?: AbortSignal, course?: CallCourse): Promise<T> {
    this.#underWay++;
    try {
      return await unlessAborted(signal, () => this.#attempts(deadline, invoke, signal, course));
    } finally {
      if (--this.#underWay === 0) this.#idle();
    }
  }

  async #attempts<T>(
    deadline: Deadline,
    invoke: Invoke<C, T>,
    signal: AbortSignal | undefined,
    course: CallCourse | undefined,
  ): Promise<T> {
    if (course !== undefined) await course.begin();
    let failed: Server<C> | undefined;
    let losses = 0;
    this.#retries.deposit();
    for (let attempt = 0; ; attempt++) {
      this.#checkOpen();
      checkAborted(signal);
      const server = this.#pick(failed);
      let error: RoostError;
      try {
        return await server.call(invoke, deadline);
      } catch (thrown) {
        error = RoostError.from(thrown);
      }
      this.#checkOpen();
      const told = course === undefined ? error : await course.failed(error);
      // A server of another cluster is left alone; each of the others may still be of this one.
      const worthAnother = told.retryable || (isOfServerAlone(error) && attempt < this.#servers.length - 1);
      if (!worthAnother || deadline.passed) throw told;
      if (error.fields['sent'] !== undefined && ++losses >= lossesOfCall) throw told;
      if (error.code === 'Overloaded' && !this.#retries.withdraw()) throw told;
      failed = server;
      await this.#pause(told, attempt, deadline, server);
    }
  }

  /** What the servers say of themselves, each in its place; they are asked when it is needed. */
  get infos(): readonly ((deadline: Deadline) => Promise<RoostTypes.ServerInfo>)[] {
    return this.#servers.map((server) => (deadline) => server.info(deadline));
  }

  /** Waits until nothing is under way, and nothing follows from what was; at most until the deadline. */
  async drain(deadline: Deadline): Promise<void> {
    // Within a turn of the event loop, calls that are being gathered are made, and what takes several calls makes its next.
    await nextTurn();
    while (this.#underWay > 0 && !deadline.passed) {
      const idle = new Promise<void>((resolve) => (this.#idle = resolve));
      await deadline.race(idle, 'draining').catch(() => undefined);
      await nextTurn();
    }
  }

  /** Fails what is under way and closes all connections. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#servers.map((server) => server.close()));
  }

  /** The server with the fewest calls under way, ties in turn; one that is left alone, or has just failed, only where there is no other. */
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

  /** Waits before the next attempt; throws the error where that would be past the deadline. */
  async #pause(error: RoostError, attempt: number, deadline: Deadline, failed: Server<C>): Promise<void> {
    // The first time round, another server is asked at once.
    if (
      attempt < this.#servers.length - 1 &&
      this.#servers.some((server) => server !== failed && server.backoffMs === 0)
    )
      return;
    const growingMs = Math.min(maxPauseMs, firstPauseMs * 2 ** attempt) * (0.5 + Math.random() / 2);
    const pauseMs = Math.max(
      growingMs,
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
