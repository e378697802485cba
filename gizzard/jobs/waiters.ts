import type { Redis } from 'ioredis';
import { isRoostError, RoostError, type Deadline, type ErrorCode } from '../../core/index.js';
import { doneChannel } from './streamKeys.js';

interface Waiter {
  resolve(): void;
  reject(error: RoostError): void;
}

/** How often a listening connection is probed while somebody waits. */
const pingEveryMs = 1_000;

/**
 * Callers that wait until their job has been applied. A job carries `server token`; the worker that applies it
 * notifies that server, within the process or through Redis's publish and subscribe. A lost message costs the caller
 * its deadline, never the write.
 */
export class Waiters {
  readonly #waiting = new Map<string, Waiter>();
  #tokens = 0;
  #listening: Promise<void> | undefined;
  #pingedAtMs = 0;

  constructor(
    private readonly cluster: string,
    readonly server: string,
    /** For publishing. */
    private readonly publisher: Redis,
    private readonly subscriber: Redis,
  ) {
    subscriber.on('message', (_channel: string, message: string) => {
      const [token = '', ...error] = message.split(' ');
      this.#settle(token, error.join(' '));
    });
  }

  /** Subscribes once; await it before `register`. Throws `Unavailable`. */
  listen(): Promise<void> {
    this.#ping();
    this.#listening ??= this.subscriber.subscribe(doneChannel(this.cluster, this.server)).then(
      () => undefined,
      (error: Error) => {
        this.#listening = undefined;
        throw new RoostError('Unavailable', `the journal's Redis did not answer: ${error.message}`, { cause: error });
      },
    );
    return this.#listening;
  }

  /**
   * Redis may vanish silently, which a connection that only listens never notices. One that owes an answer is
   * replaced.
   */
  #ping(): void {
    if (this.#listening === undefined || performance.now() < this.#pingedAtMs + pingEveryMs) return;
    this.#pingedAtMs = performance.now();
    void this.subscriber.ping().catch(() => undefined);
  }

  /** Registers a caller before its job is journaled: the answer may come before `append` returns. One that fails `alongside` others is not told of: it waits among the failing jobs. */
  register(alongside = false): {
    readonly waiter: string;
    readonly applied: (deadline: Deadline) => Promise<void>;
    readonly cancel: () => void;
  } {
    const token = String(++this.#tokens);
    const { promise, resolve, reject } = withResolvers();
    this.#waiting.set(token, { resolve, reject });
    // The caller may be gone by the time of the answer.
    promise.catch(() => undefined);
    const cancel = (): void => void this.#waiting.delete(token);
    return {
      waiter: `${this.server} ${token}`,
      applied: async (deadline) => {
        try {
          await deadline.race(promise, 'applying a write that is in the journal');
        } catch (error) {
          if (alongside) return;
          throw isRoostError(error, 'DeadlineExceeded')
            ? journaledError('DeadlineExceeded', 'applying a write did not finish before its deadline')
            : error;
        } finally {
          cancel();
        }
      },
      cancel,
    };
  }

  /** Notifies a waiter. `error` is empty once every part of the job is on a replica that serves reads. */
  async tell(waiter: string, error: string): Promise<void> {
    const [server = '', token = ''] = waiter.split(' ');
    if (server === this.server) this.#settle(token, error);
    else await this.publisher.publish(doneChannel(this.cluster, server), `${token} ${error}`);
  }

  /** Rejects for all who still wait: nobody here is told any more. */
  close(): void {
    for (const token of [...this.#waiting.keys()]) this.#settle(token, 'this server closes');
  }

  #settle(token: string, error: string): void {
    const waiter = this.#waiting.get(token);
    this.#waiting.delete(token);
    if (error === '') waiter?.resolve();
    else waiter?.reject(journaledError('Unavailable', error));
  }
}

/** The error of a write that will be applied and is not yet. Repeating it would journal it again. */
export const journaledError = (code: ErrorCode, why: string): RoostError =>
  new RoostError(code, `the write is in the journal, and not applied yet: ${why}`, {
    fields: { journaled: true },
    retryable: false,
  });

function withResolvers(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((resolver, rejecter) => {
    resolve = resolver;
    reject = rejecter;
  });
  return { promise, resolve, reject };
}
