import { Backoff, pause, RoostError } from '../core/index.js';

/** With the pauses, the attempts take some minutes. */
const attempts = 60;
const [firstRetryMs, longestRetryMs] = [100, 5_000];

/** Retries work that fails for passing reasons, such as an unreachable host. */
export async function patiently<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const backoff = new Backoff(firstRetryMs, longestRetryMs);
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RoostError && error.retryable) || attempt >= attempts) throw error;
      await pause(backoff.next(), signal);
    }
  }
}
