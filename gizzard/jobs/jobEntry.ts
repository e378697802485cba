import { RoostError } from '../../core/index.js';
import { checksumFields, headField, verifyChecksum } from './jobChecksum.js';

/** A job as a stream holds it. */
export interface JobEntry {
  readonly kind: string;
  readonly payload: Buffer;
  /** The version of the payload's form. */
  readonly version: number;
  /** Failed attempts, except those at which a host was down or refused writes. */
  readonly attempts: number;
  /** For a job that failed on some leaves: only these remain. */
  readonly onlyLeaves: readonly string[] | undefined;
  /** The topology under which it failed. Under another one its leaves may differ, and it is for all of them again. */
  readonly failedUnder?: number | undefined;
  /** The error of the last attempt. */
  readonly lastError: string;
  /** Time of acceptance by the journal, in milliseconds. */
  readonly acceptedAtMs: number;
  /** Who to notify once it is applied: `server token`. */
  readonly waiter: string | undefined;
  /** Where its write is recorded, for those who repeat it and wait; absent if nobody would. */
  readonly write?: string | undefined;
  /** The place in a trace that it belongs to, as W3C Trace Context writes it. Absent: it is not traced. */
  readonly trace?: string | undefined;
}

/** Error texts are for people; the log has the whole error. */
const errorTextChars = 2_000;
/** The part of an error's text that a job keeps. */
export const errorText = (message: string): string => message.slice(0, errorTextChars);

/**
 * The fields of the stream entry, name and value alternating; the payload is fourth, the checksum last. `timePlaces`:
 * where the journal writes a time into the payload; the last value is then that time, which the journal fills in.
 */
export function encodeJob(job: JobEntry, timePlaces?: string): (string | Buffer)[] {
  // Entries without a version have version 1.
  const texts = ['accepted', String(job.acceptedAtMs)];
  if (job.version > 1) texts.push('version', String(job.version));
  if (job.attempts > 0) texts.push('attempts', String(job.attempts));
  if (job.lastError !== '') texts.push('error', errorText(job.lastError));
  if (job.onlyLeaves !== undefined) texts.push('leaves', job.onlyLeaves.join('\n'));
  if (job.failedUnder !== undefined) texts.push('topology', String(job.failedUnder));
  if (job.waiter !== undefined) texts.push('waiter', job.waiter);
  if (job.write !== undefined) texts.push('write', job.write);
  if (job.trace !== undefined) texts.push('trace', job.trace);
  let head = headField('kind', job.kind) + headField('payload');
  for (let i = 0; i < texts.length; i += 2) head += headField(texts[i]!, texts[i + 1]);
  const checksum = checksumFields({ head, payload: job.payload }, timePlaces);
  return ['kind', job.kind, 'payload', job.payload, ...texts, ...checksum];
}

/** Throws `DataLoss` if the entry is not a job, or not as it was written. */
export function decodeJob(fields: readonly Buffer[]): JobEntry {
  const byName = new Map<string, string>();
  let payload: Buffer | undefined;
  let head = '';
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i]!.toString();
    if (name === 'payload') payload = fields[i + 1]!;
    const value = name === 'payload' ? undefined : fields[i + 1]!.toString();
    if (value !== undefined) byName.set(name, value);
    // Fields after the checksum are not part of the job.
    if (!byName.has('sum')) head += headField(name, value);
  }
  // Servers of the previous release write none.
  const sum = byName.get('sum');
  if (sum !== undefined) verifyChecksum({ head, payload }, sum, byName.get('time'));
  const kind = byName.get('kind');
  if (payload === undefined || kind === undefined)
    throw new RoostError('DataLoss', 'an entry of the journal has no kind or no payload');
  const version = Number(byName.get('version') ?? 1);
  if (!Number.isSafeInteger(version) || version < 1)
    throw new RoostError('DataLoss', `a job of kind ${kind} has no version: ${byName.get('version')!.slice(0, 40)}`);
  return {
    kind,
    payload,
    version,
    attempts: Number(byName.get('attempts') ?? 0),
    onlyLeaves: byName.get('leaves')?.split('\n'),
    failedUnder: byName.has('topology') ? Number(byName.get('topology')) : undefined,
    lastError: byName.get('error') ?? '',
    acceptedAtMs: Number(byName.get('accepted') ?? 0),
    waiter: byName.get('waiter'),
    write: byName.get('write'),
    trace: byName.get('trace'),
  };
}

/** A stream entry from Redis; without fields if it was deleted meanwhile. */
export type RawEntry = readonly [id: Buffer, fields: Buffer[] | null];
