import { JournalClock, limits, RoostError, type Deadline, type Micros } from '../core/index.js';
import type { Channel, TimeOfJournal } from './channel.js';

/** Asked again behind a write once the last answer is so old; a write waits for the answer where it is older still. */
const askAfterMs = 10_000;
const staleAfterMs = 60_000;
/** What the two clocks may drift apart: more than quartz ever does. */
const driftMicrosPerMs = 0.5;
/** How long servers that know no identities of writes are left alone. */
const leftAloneMs = 10_000;

/** The time of the journal's clock, as a client knows it from its servers. It is never ahead of it, but after that clock was set back: until it is asked for again. */
export class JournalTime implements TimeOfJournal {
  readonly #clock = new JournalClock();
  #asking: Promise<void> | undefined;
  #leftAloneUntilMs = 0;

  constructor(private readonly channel: () => Channel) {}

  /** Begins to ask. */
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

  /** Callers at the same time share the answer. */
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
        await this.channel().call((client, deadlineMs) => client.journal_time({ deadline_ms: deadlineMs }), {
          deadlineMs: limits.defaultDeadlineMs,
        }),
      );
    } catch (error) {
      if (!(error instanceof RoostError && isUnknownMethod(error.cause))) throw error;
      this.#leftAloneUntilMs = performance.now() + leftAloneMs;
    }
  }
}

/** Thrift's own exception, for a method that a server does not know. Its type, which says so, is left out by the library that servers of before use. */
const isUnknownMethod = (cause: unknown): boolean => cause instanceof Error && cause.name === 'TApplicationException';
