import { RoostError } from '../../core/index.js';
import { checksumFields, headField, verifyChecksum } from './jobChecksum.js';

/** A job as it lies in a stream. */
export interface JobEntry {
  readonly kind: string;
  readonly payload: Buffer;
  /** Of the payload's form. */
  readonly version: number;
  /** Attempts that failed so far, without those at which a host was away or refused writes. */
  readonly attempts: number;
  /** Set on a job that failed on some leaves: only these are still to be written. */
  readonly onlyLeaves: readonly string[] | undefined;
  /** The topology under which it failed. Under another one its leaves may be others, and it is for all of them again. */
  readonly failedUnder?: number | undefined;
  /** What the last attempt said. */
  readonly lastError: string;
  /** When the journal accepted it, in milliseconds. */
  readonly acceptedAtMs: number;
  /** Who wants to hear when it has been applied: `server token`. */
  readonly waiter: string | undefined;
  /** Where the write that it is part of is remembered, for those who repeat it and wait; absent where nobody would wait. */
  readonly write?: string | undefined;
}

/** Error texts are for people; the whole error is in the log. */
const errorTextChars = 2_000;
/** As much of an error's text as a job keeps. */
export const errorText = (message: string): string => message.slice(0, errorTextChars);

/**
 * The fields of the stream entry, name and value by turns; the payload is the fourth, and the checksum stands behind all others. `timePlaces`: where the journal writes a time
 * into the payload; the last value is that time then, and the journal fills it in.
 */
export function encodeJob(job: JobEntry, timePlaces?: string): (string | Buffer)[] {
  // Entries of version 1 are those of before there were versions.
  const texts = ['accepted', String(job.acceptedAtMs)];
  if (job.version > 1) texts.push('version', String(job.version));
  if (job.attempts > 0) texts.push('attempts', String(job.attempts));
  if (job.lastError !== '') texts.push('error', errorText(job.lastError));
  if (job.onlyLeaves !== undefined) texts.push('leaves', job.onlyLeaves.join('\n'));
  if (job.failedUnder !== undefined) texts.push('topology', String(job.failedUnder));
  if (job.waiter !== undefined) texts.push('waiter', job.waiter);
  if (job.write !== undefined) texts.push('write', job.write);
  let head = headField('kind', job.kind) + headField('payload');
  for (let i = 0; i < texts.length; i += 2) head += headField(texts[i]!, texts[i + 1]);
  const checksum = checksumFields({ head, payload: job.payload }, timePlaces);
  return ['kind', job.kind, 'payload', job.payload, ...texts, ...checksum];
}

/** Throws `DataLoss` where the entry is not one of ours, or not as it was written. */
export function decodeJob(fields: readonly Buffer[]): JobEntry {
  const byName = new Map<string, string>();
  let payload: Buffer | undefined;
  let head = '';
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i]!.toString();
    if (name === 'payload') payload = fields[i + 1]!;
    const value = name === 'payload' ? undefined : fields[i + 1]!.toString();
    if (value !== undefined) byName.set(name, value);
    // What stands behind the checksum is not a part of the job.
    if (!byName.has('sum')) head += headField(name, value);
  }
  // Servers of the release before write none.
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
  };
}

/** An entry of a stream as Redis tells it; without fields where it was deleted meanwhile. */
export type RawEntry = readonly [id: Buffer, fields: Buffer[] | null];
