import { RoostError } from '../../core/index.js';

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

/** The fields of the stream entry, name and value by turns. */
export function encodeJob(job: JobEntry): (string | Buffer)[] {
  const fields: (string | Buffer)[] = ['kind', job.kind, 'payload', job.payload, 'accepted', String(job.acceptedAtMs)];
  // Entries of version 1 are those of before there were versions.
  if (job.version > 1) fields.push('version', String(job.version));
  if (job.attempts > 0) fields.push('attempts', String(job.attempts));
  if (job.lastError !== '') fields.push('error', errorText(job.lastError));
  if (job.onlyLeaves !== undefined) fields.push('leaves', job.onlyLeaves.join('\n'));
  if (job.failedUnder !== undefined) fields.push('topology', String(job.failedUnder));
  if (job.waiter !== undefined) fields.push('waiter', job.waiter);
  if (job.write !== undefined) fields.push('write', job.write);
  return fields;
}

/** Throws `DataLoss` where the entry is not one of ours. */
export function decodeJob(fields: readonly Buffer[]): JobEntry {
  const byName = new Map<string, Buffer>();
  for (let i = 0; i + 1 < fields.length; i += 2) byName.set(fields[i]!.toString(), fields[i + 1]!);
  const payload = byName.get('payload');
  const kind = byName.get('kind')?.toString();
  if (payload === undefined || kind === undefined)
    throw new RoostError('DataLoss', 'an entry of the journal has no kind or no payload');
  const version = Number(byName.get('version') ?? 1);
  if (!Number.isSafeInteger(version) || version < 1)
    throw new RoostError(
      'DataLoss',
      `a job of kind ${kind} has no version: ${byName.get('version')!.toString().slice(0, 40)}`,
    );
  return {
    kind,
    payload,
    version,
    attempts: Number(byName.get('attempts') ?? 0),
    onlyLeaves: byName.get('leaves')?.toString().split('\n'),
    failedUnder: byName.has('topology') ? Number(byName.get('topology')) : undefined,
    lastError: byName.get('error')?.toString() ?? '',
    acceptedAtMs: Number(byName.get('accepted') ?? 0),
    waiter: byName.get('waiter')?.toString(),
    write: byName.get('write')?.toString(),
  };
}

/** An entry of a stream as Redis tells it; without fields where it was deleted meanwhile. */
export type RawEntry = readonly [id: Buffer, fields: Buffer[] | null];
