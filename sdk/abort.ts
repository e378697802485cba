import { setMaxListeners } from 'node:events';
import { deadlineExceeded, RoostError } from '../core/index.js';

/**
 * Waits for `work`, or until the signal is aborted; the work itself goes on. Throws `FailedPrecondition` with the
 * signal's reason as its cause, or `DeadlineExceeded` for a signal of `AbortSignal.timeout`.
 */
export async function unlessAborted<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  if (signal === undefined) return work();
  checkAborted(signal);
  // Every waiting call adds a listener, and there may be many.
  setMaxListeners(0, signal);
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(abortedError(signal));
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

export function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortedError(signal);
}

function abortedError({ reason }: AbortSignal): RoostError {
  if (reason instanceof Error && reason.name === 'TimeoutError') return deadlineExceeded('the call', reason);
  return new RoostError('FailedPrecondition', 'the call was aborted by its signal', {
    cause: reason,
    fields: { aborted: true },
  });
}
