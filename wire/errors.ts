import { RoostError } from '../core/index.js';
import { RoostException } from './generated.js';
import type { RoostTypes } from './generated.js';

export function errorToThrift(error: RoostError): RoostTypes.RoostException {
  const { code, message, fields, retryable, retryAfterMs } = error.toWire();
  return new RoostException({
    code,
    description: message,
    fields: { ...fields },
    retryable,
    ...(retryAfterMs === undefined ? {} : { retry_after_ms: Math.ceil(retryAfterMs) }),
  });
}

/** A field that is missing, as only a foreign server leaves one out, reads as null. */
type Received = { readonly [K in keyof RoostTypes.RoostException]: RoostTypes.RoostException[K] | null };

export function errorFromThrift(exception: Received): RoostError {
  return RoostError.fromWire({
    code: exception.code ?? 'Internal',
    message: exception.description ?? 'the server gave no reason',
    fields: exception.fields ?? {},
    retryable: exception.retryable ?? false,
    retryAfterMs: exception.retry_after_ms ?? undefined,
  });
}
