/** Failures in a row after which a host counts as down. */
const failuresToOpen = 3;
/** Wait before the first probe of a host that is down; doubled after each probe that fails, up to the maximum. */
const firstProbeAfterMs = 250;
const maxProbeAfterMs = 5_000;

/**
 * Whether a database host answers, learnt from the requests themselves (a circuit breaker: Nygard, Release It!).
 * After some failures in a row the host is down and is asked last, or not at all; now and then one request is let through as a probe,
 * and its success brings the host back.
 */
export class Health {
  #failures = 0;
  #probeAfterMs = firstProbeAfterMs;
  #probeAtMs = 0;

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /** True also for the one request that may probe a host that is down: asking takes the probe. */
  get healthy(): boolean {
    if (this.#failures < failuresToOpen) return true;
    if (this.nowMs() < this.#probeAtMs) return false;
    this.#probeAtMs = this.nowMs() + this.#probeAfterMs;
    return true;
  }

  /** Like `healthy`, without taking the probe. */
  get down(): boolean {
    return this.#failures >= failuresToOpen;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#probeAfterMs = firstProbeAfterMs;
  }

  failed(): void {
    this.#failures++;
    if (this.#failures < failuresToOpen) return;
    if (this.#failures > failuresToOpen) this.#probeAfterMs = Math.min(this.#probeAfterMs * 2, maxProbeAfterMs);
    this.#probeAtMs = this.nowMs() + this.#probeAfterMs;
  }
}
