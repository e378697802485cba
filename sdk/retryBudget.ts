/** The most retries that can be saved up; also the number at the start. */
const maxRetries = 256;
const retriesPerCall = 0.2;
const retriesPerSecond = 10;

/**
 * Limits retries of calls that busy servers refused: one per five calls, and some each second. Without it, a server
 * that refuses nine calls of ten would get each of them ten times (the retry budgets of Finagle and Envoy).
 */
export class RetryBudget {
  #left = maxRetries;
  #refilledAtMs = performance.now();

  /** Counts a first attempt. */
  deposit(): void {
    this.#left = Math.min(maxRetries, this.#left + retriesPerCall);
  }

  /** Takes one retry. False if none is left. */
  withdraw(): boolean {
    const nowMs = performance.now();
    this.#left = Math.min(maxRetries, this.#left + ((nowMs - this.#refilledAtMs) / 1_000) * retriesPerSecond);
    this.#refilledAtMs = nowMs;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
