import { Backoff } from './backoff.js';

/** Failures in a row before a host counts as down. */
const failuresToOpen = 3;
/** Wait before the first probe of a host that is down; doubles after each failed probe, up to the maximum. */
const firstProbeAfterMs = 250;
const maxProbeAfterMs = 5_000;

/**
 * Whether a database host answers, learned from the requests themselves (a circuit breaker: Nygard, Release It!).
 * After several failures in a row the host counts as down, and is asked last or not at all. From time to time one
 * request goes through as a probe; its success brings the host back.
 */
export class Health {
  #failures = 0;
  readonly #probeAfter = new Backoff(firstProbeAfterMs, maxProbeAfterMs);
  #probeAtMs = 0;
  #reason = '';

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /** Also true if the host is down and a probe is due; the next request is then the probe. */
  get healthy(): boolean {
    return !this.down || this.nowMs() >= this.#probeAtMs;
  }

  get down(): boolean {
    return this.#failures >= failuresToOpen;
  }

  /** The message of the last failure, while the host is down. */
  get reason(): string {
    return this.down ? this.#reason : '';
  }

  /**
   * Reports that a request is about to be sent. While the host is down, other requests wait for its outcome or for
   * the next probe.
   */
  asked(): void {
    if (this.down) this.#probeAtMs = this.nowMs() + this.#probeAfter.nextMs;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#probeAfter.reset();
  }

  failed(reason = ''): void {
    this.#reason = reason;
    this.#failures++;
    if (this.#failures < failuresToOpen) return;
    if (this.#failures > failuresToOpen) this.#probeAfter.next();
    this.#probeAtMs = this.nowMs() + this.#probeAfter.nextMs;
  }
}
