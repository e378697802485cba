import { setTimeout as sleep } from 'node:timers/promises';
import { firstIdAt, RoostError, snowflakesPerMs, type Deadline } from '../../core/index.js';
import { type Log, silentLog } from '../../process/index.js';
import { LeaseClock } from './leaseClock.js';
import type { WorkerLease, WorkerLeases } from './workerLease.js';

export interface IdGeneratorOptions {
  /** Milliseconds of a monotonic clock, for tests. */
  readonly monotonicMs?: () => number;
  readonly log?: Log;
}

/** A clock that stands still, or is behind by no more than this, is waited for within the deadline. */
const maxWaitMs = 1_000;
/** A lease is renewed once a third of it has passed. */
const renewAfterShare = 1 / 3;
const idleWaitMs = 1;
/** Pause between attempts to renew a valid lease. */
const renewPauseMs = 250;

/**
 * Makes Snowflake ids: rising, unique, and only of times that this process holds a lease for. Times come from the
 * leases' clock and this process's monotonic clock; the wall clock does not matter.
 *
 * It never follows a clock back: ids continue once the clock has passed the last one used. More than 4,096 ids in a
 * millisecond wait for the next one.
 */
export class IdGenerator {
  readonly #clock: LeaseClock;
  readonly #log: Log;
  #lease: WorkerLease | undefined;
  /** The length of the lease when it was granted. */
  #leaseMs = 0;
  #leasing: Promise<void> | undefined;
  #renewFromMs = 0;
  #lastMs = 0;
  #sequence = 0;
  #closed = false;

  constructor(
    private readonly leases: WorkerLeases,
    options: IdGeneratorOptions = {},
  ) {
    this.#clock = new LeaseClock(options.monotonicMs ?? (() => performance.now()));
    this.#log = options.log ?? silentLog;
  }

  /**
   * Returns `count` rising ids. Throws `Unavailable` if no lease is available or the clock is behind by more than a
   * second, and `DeadlineExceeded` if the clock does not advance in time.
   */
  async take(count: number, deadline: Deadline): Promise<bigint[]> {
    const ids: bigint[] = [];
    while (ids.length < count) {
      const made = this.#make(count - ids.length, ids);
      if (made) continue;
      await this.#wait(deadline);
    }
    return ids;
  }

  /** Returns the worker number. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#leasing?.catch(() => undefined);
    // No id is made from here on, so that none is later than the last one reported.
    this.#lease = undefined;
    await this.leases
      .release(this.#lastMs)
      .catch((error: unknown) => this.#log.debug({ err: error }, 'a worker number could not be given back'));
  }

  /** Makes as many ids as this millisecond has left. False if it has none, or no lease covers it. */
  #make(count: number, ids: bigint[]): boolean {
    const { nowMs } = this.#clock;
    const lease = this.#lease;
    if (
      lease === undefined ||
      nowMs === undefined ||
      nowMs > lease.untilMs ||
      nowMs <= lease.fromMs ||
      nowMs < this.#lastMs
    )
      return false;
    if (nowMs > this.#lastMs) {
      this.#lastMs = nowMs;
      this.#sequence = 0;
    }
    const first = firstIdAt(nowMs) | BigInt(lease.worker << 12);
    const many = Math.min(count, snowflakesPerMs - this.#sequence);
    for (let i = 0; i < many; i++) ids.push(first | BigInt(this.#sequence++));
    if (lease.untilMs - nowMs < this.#leaseMs * (1 - renewAfterShare)) this.#renewInBackground();
    return many > 0;
  }

  async #wait(deadline: Deadline): Promise<void> {
    if (this.#closed) throw new RoostError('Unavailable', 'the generator of ids is closed', { retryable: false });
    const { nowMs } = this.#clock;
    const lease = this.#lease;
    if (lease === undefined || nowMs === undefined || nowMs > lease.untilMs)
      return deadline.race(this.#renew(), 'getting a worker number');
    const behindMs = Math.max(this.#lastMs, lease.fromMs) - nowMs;
    if (behindMs > maxWaitMs) {
      // If this clock was ahead of the leases', the next renewal shows it; if the leases' clock stepped back, it may
      // be corrected again.
      this.#renewInBackground();
      throw new RoostError(
        'Unavailable',
        `the clock of the leases is ${behindMs} ms behind the last id: no ids are made until it is past it`,
        {
          retryAfterMs: behindMs,
          fields: { behind_ms: behindMs },
        },
      );
    }
    deadline.check('waiting for the clock to go on, to make an id');
    await sleep(Math.max(idleWaitMs, behindMs));
  }

  #renewInBackground(): void {
    if (this.#leasing !== undefined || performance.now() < this.#renewFromMs) return;
    this.#renewFromMs = performance.now() + renewPauseMs;
    this.#renew().catch((error: unknown) =>
      this.#log.warn({ err: error }, 'the lease of the worker number could not be renewed; it is tried again'),
    );
  }

  #renew(): Promise<void> {
    this.#leasing ??= this.leases
      .acquire()
      .then((lease) => {
        this.#clock.learn(lease.nowMs);
        this.#lease = lease;
        this.#leaseMs = lease.untilMs - lease.nowMs;
      })
      .finally(() => {
        this.#leasing = undefined;
      });
    return this.#leasing;
  }
}
