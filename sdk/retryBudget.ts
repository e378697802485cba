/** Retries that are saved up at most, also at the start. */
const maxRetries = 256;
const retriesPerCall = 0.2;
const retriesPerSecond = 10;

/**
 * How often calls that a busy server refused may be made again: one for each five calls, and some each second. Without it a server that refuses nine calls of ten would
 * get each of them ten times (Finagle's and Envoy's retry budgets).
 */
export class RetryBudget {
  #left = maxRetries;
  #refilledAtMs = performance.now();

  /** A call is made for the first time. */
  deposit(): void {
    this.#left = Math.min(maxRetries, this.#left + retriesPerCall);
  }

  /** Whether a call may be made again; takes one retry if so. */
  withdraw(): boolean {
    const nowMs = performance.now();
    this.#left = Math.min(maxRetries, this.#left + ((nowMs - this.#refilledAtMs) / 1_000) * retriesPerSecond);
    this.#refilledAtMs = nowMs;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
