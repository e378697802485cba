/** Failures in a row after which a host counts as down. */
const failuresToOpen = 3;
/** Wait before the first probe of a host that is down; doubled after each probe that fails, up to the maximum. */
const firstProbeAfterMs = 250;
const maxProbeAfterMs = 5_000;

/**
 * Whether a database host answers, learned from the requests themselves (a circuit breaker: Nygard, Release It!).
 * After some failures in a row the host is down and is asked last, or not at all; now and then one request is let through as a probe,
 * and its success brings the host back.
 */
export class Health {
  #failures = 0;
  #probeAfterMs = firstProbeAfterMs;
  #probeAtMs = 0;
  #reason = '';

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /** True also where the host is down and a probe is due; the request that then asks the host is the probe. */
  get healthy(): boolean {
    return !this.down || this.nowMs() >= this.#probeAtMs;
  }

  get down(): boolean {
    return this.#failures >= failuresToOpen;
  }

  /** What the last failure said, while the host is down. */
  get reason(): string {
    return this.down ? this.#reason : '';
  }

  /** A request is about to be sent. While the host is down, others wait for what becomes of it, or for the next probe. */
  asked(): void {
    if (this.down) this.#probeAtMs = this.nowMs() + this.#probeAfterMs;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#probeAfterMs = firstProbeAfterMs;
  }

  failed(reason = ''): void {
    this.#reason = reason;
    this.#failures++;
    if (this.#failures < failuresToOpen) return;
    if (this.#failures > failuresToOpen) this.#probeAfterMs = Math.min(this.#probeAfterMs * 2, maxProbeAfterMs);
    this.#probeAtMs = this.nowMs() + this.#probeAfterMs;
  }
}
