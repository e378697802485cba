import { randomBytes } from 'node:crypto';
import { RoostError, writeIdentityBytes, type Deadline, type ErrorCode, type Micros } from '../core/index.js';
import type { RoostTypes } from '../wire/index.js';
import type { CallCourse, TimeOfJournal } from './channel.js';

/** After these errors an attempt may have been accepted all the same. */
const openEnds: ReadonlySet<ErrorCode> = new Set(['Unavailable', 'DeadlineExceeded', 'Internal', 'DataLoss']);
/** These errors concern the content of the write, and hold for every attempt. */
const verdicts: ReadonlySet<ErrorCode> = new Set(['InvalidArgument', 'AlreadyExists']);

/**
 * A write over all its attempts. They share one identity in the journal; their errors tell whether the write may have
 * been made.
 */
export class WriteCourse implements CallCourse {
  readonly #id = randomBytes(writeIdentityBytes);
  #notAfter: Micros | undefined;
  #sent = false;
  /** The error of the first attempt that may have been accepted. */
  #open: RoostError | undefined;

  constructor(
    private readonly time: TimeOfJournal | undefined,
    private readonly deadline: Deadline,
  ) {}

  async begin(): Promise<void> {
    this.#notAfter = await this.time?.lastMoment(this.deadline);
  }

  /** The identity that an attempt sends. */
  send(): Pick<RoostTypes.WriteOptions, 'identity'> {
    this.#sent = true;
    return this.#notAfter === undefined ? {} : { identity: { id: this.#id, not_after: this.#notAfter } };
  }

  async failed(error: RoostError): Promise<RoostError> {
    const sent = this.#sent;
    this.#sent = false;
    // A repetition would be journaled again.
    if (error.fields['journaled'] !== undefined) return withFields(error, {}, false);
    const journalTime = /^\d{1,16}$/.exec(error.fields['journalTime'] ?? '')?.[0];
    if (journalTime === undefined) {
      if (sent && openEnds.has(error.code)) this.#open ??= error;
    } else {
      this.time?.learn(BigInt(journalTime));
      // No attempt was accepted or will be: their last moment came from a clock other than the journal's.
      if (this.#open === undefined) this.#notAfter = await this.time?.lastMoment(this.deadline);
    }
    return this.#open === undefined ? error : afterOpenEnd(error, this.#open);
  }
}

/** The error for the caller once an attempt may have been accepted. */
function afterOpenEnd(error: RoostError, open: RoostError): RoostError {
  if (verdicts.has(error.code)) return error;
  if (openEnds.has(error.code) && error.fields['journalTime'] === undefined)
    return withFields(error, { outcome: 'unknown' }, error.retryable);
  const { retryable, retryAfterMs, fields } = error;
  return new RoostError(
    'Unavailable',
    `the write may have been made: one attempt ended without an answer (${open.message}), and another was refused (${error.message})`,
    {
      fields: { ...fields, outcome: 'unknown' },
      cause: error,
      retryable,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    },
  );
}

const withFields = (
  { code, message, cause, fields, retryAfterMs }: RoostError,
  more: Readonly<Record<string, string>>,
  retryable: boolean,
): RoostError =>
  new RoostError(code, message, {
    cause,
    fields: { ...fields, ...more },
    retryable,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
