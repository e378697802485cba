import { RoostError } from '../../core/index.js';
import { redisTrouble } from '../../redis/index.js';

/**
 * Reasons to refuse writes. `unreachable`, `replica` and `replicas` (too few are connected) end by themselves;
 * `clock` when a clock is corrected; `epoch` and `lost` with `roost journal adopt`.
 */
export const refusals = ['unreachable', 'replica', 'replicas', 'epoch', 'lost', 'clock'] as const;
export type Refusal = (typeof refusals)[number];

const retried: ReadonlySet<Refusal> = new Set(['unreachable', 'replica', 'replicas', 'clock']);

/**
 * Other servers may do better if only this one's clock is wrong, and a replica gets replaced. All servers refuse a
 * mismatching epoch until an operator decides.
 */
export const refusal = (reason: Refusal, message: string, fields: Readonly<Record<string, string>> = {}): RoostError =>
  new RoostError(retried.has(reason) ? 'Unavailable' : 'FailedPrecondition', message, {
    fields: { refusal: reason, ...fields },
  });

/** An error of a look as a refusal. */
export function refusalOf(error: unknown): RoostError {
  if (error instanceof RoostError && error.fields['refusal'] !== undefined) return error;
  if (error instanceof RoostError)
    return new RoostError('Unavailable', `the state of the journal could not be read: ${error.message}`, {
      cause: error,
      fields: { ...error.fields, refusal: 'unreachable' },
    });
  const message = error instanceof Error ? error.message : String(error);
  const reason: Refusal = message.startsWith('READONLY') ? 'replica' : 'unreachable';
  return new RoostError('Unavailable', `the journal's Redis ${redisTrouble(message)}`, {
    cause: error,
    fields: { service: 'redis', refusal: reason },
  });
}
