import { cutText } from './cutText.js';
import { limits } from './limits.js';

/**
 * The canonical codes. They are the same in the library, on the wire and in the exit codes of the command line.
 * Callers branch on the code, never on the text.
 */
export const errorCodes = [
  'InvalidArgument',
  'NotFound',
  'AlreadyExists',
  'FailedPrecondition',
  'Unavailable',
  'DeadlineExceeded',
  'Overloaded',
  'Conflict',
  'DataLoss',
  'Unauthenticated',
  'PermissionDenied',
  'Internal',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** The subject of an error. Values are strings, so that 64-bit ids stay exact on every wire. */
export type ErrorFields = Readonly<Record<string, string>>;

export interface RoostErrorOptions {
  /** The subject of the error: table, shard, host, key, … */
  readonly fields?: Readonly<Record<string, string | number | bigint | boolean | undefined>>;
  readonly cause?: unknown;
  /** Overrides whether a retry helps; the default follows from the code. */
  readonly retryable?: boolean;
  /** How long to wait before a retry, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** An error on the wire: everything but the stack. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly fields: ErrorFields;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
}

const retryableCodes: ReadonlySet<ErrorCode> = new Set(['Unavailable', 'DeadlineExceeded', 'Overloaded', 'Conflict']);

/**
 * The one error class of Roost.
 *
 * `DeadlineExceeded` and `Unavailable` do not mean that a write did not happen: it may have been journaled before the
 * answer was lost. Repeating a write is always safe; without a time of its own, it then counts as a write of the
 * later moment. The fields `outcome` and `journaled` say more: docs/graph.md.
 *
 * The text and each field are cut at `limits.errorTextBytes`, so that an error about a large value fits wherever
 * errors go.
 */
export class RoostError extends Error {
  override readonly name = 'RoostError';
  readonly code: ErrorCode;
  readonly fields: ErrorFields;
  /** Whether the same call may succeed later with nothing changed. */
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: RoostErrorOptions = {}) {
    super(cutText(message, limits.errorTextBytes), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    const fields: Record<string, string> = {};
    for (const [name, value] of Object.entries(options.fields ?? {}).slice(0, limits.errorFields)) {
      if (value !== undefined)
        fields[cutText(name, limits.errorFieldNameBytes)] = cutText(String(value), limits.errorTextBytes);
    }
    this.fields = fields;
    this.retryable = options.retryable ?? retryableCodes.has(code);
    this.retryAfterMs = options.retryAfterMs;
  }

  toWire(): WireError {
    const { code, message, fields, retryable, retryAfterMs } = this;
    return { code, message, fields, retryable, retryAfterMs };
  }

  /** Restores an error from the wire. An unknown code, from a newer peer, becomes `Internal`; the rest is kept. */
  static fromWire(wire: Omit<WireError, 'code'> & { readonly code: string }): RoostError {
    const code = errorCodes.find((known) => known === wire.code) ?? 'Internal';
    return new RoostError(code, wire.message, {
      fields: wire.fields,
      retryable: wire.retryable,
      ...(wire.retryAfterMs === undefined ? {} : { retryAfterMs: wire.retryAfterMs }),
    });
  }

  /** Returns a RoostError as it is. Wraps anything else as `Internal` and keeps it as the cause. */
  static from(error: unknown): RoostError {
    if (error instanceof RoostError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new RoostError('Internal', message, { cause: error });
  }
}

export const isRoostError = (error: unknown, code?: ErrorCode): error is RoostError =>
  error instanceof RoostError && (code === undefined || error.code === code);
