import { JournalClock, limits, RoostError, type Deadline, type Micros } from '../core/index.js';
import type { TimeOfJournal } from './channel.js';
import type { GraphChannel } from './graphChannel.js';

/** An answer this old is renewed behind a write; a write waits for the renewal if it is older still. */
const askAfterMs = 10_000;
const staleAfterMs = 60_000;
/** Bound on the drift between the two clocks: more than quartz ever has. */
const driftMicrosPerMs = 0.5;
/** How long not to ask servers that know no identities of writes. */
const leftAloneMs = 10_000;

/**
 * The journal's clock as the client knows it from its servers. It never runs ahead of that clock, unless that clock
 * was set back, and then only until the next answer.
 */
export class JournalTime implements TimeOfJournal {
  readonly #clock = new JournalClock();
  #asking: Promise<void> | undefined;
  #leftAloneUntilMs = 0;

  constructor(private readonly channel: () => GraphChannel) {}

  /** Starts asking. */
  start(): void {
    void this.#ask().catch(() => undefined);
  }

  learn(time: Micros): void {
    this.#clock.learn(Number(time));
  }

  async lastMoment(deadline: Deadline): Promise<Micros | undefined> {
    const { ageMs } = this.#clock;
    if (ageMs > askAfterMs) {
      const asking = this.#ask();
      if (ageMs > staleAfterMs) await deadline.race(asking, "asking for the journal's time");
      else asking.catch(() => undefined);
    }
    const { nowMicros, ageMs: agedMs } = this.#clock;
    if (nowMicros === undefined || agedMs > staleAfterMs) return undefined;
    return BigInt(Math.floor(nowMicros - agedMs * driftMicrosPerMs + deadline.remainingMs() * 1_000));
  }

  /** Concurrent callers share one answer. */
  #ask(): Promise<void> {
    if (performance.now() < this.#leftAloneUntilMs) return Promise.resolve();
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askOnce(): Promise<void> {
    try {
      this.learn(
        await this.channel().call((client, within) => client.journal_time(within), {
          deadlineMs: limits.defaultDeadlineMs,
        }),
      );
    } catch (error) {
      if (!(error instanceof RoostError && isUnknownMethod(error.cause))) throw error;
      this.#leftAloneUntilMs = performance.now() + leftAloneMs;
    }
  }
}

/** Thrift's exception for an unknown method. The library of older servers omits the type that says so. */
const isUnknownMethod = (cause: unknown): boolean => cause instanceof Error && cause.name === 'TApplicationException';
