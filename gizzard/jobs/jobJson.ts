import { RoostError } from '../../core/index.js';
import type { JobType } from './jobType.js';
import type { NewJob } from './journal.js';

/*
 * A job as JSON: an object with one key, the job's kind. Below it stands what the kind makes of itself for people, or, for any kind and exactly as it lies
 * in the journal, {"payload": "<base64>"}.
 */

/** The exact form, which every cluster that knows the kind can read. */
export const jobToExactJson = (kind: string, payload: Buffer): string => JSON.stringify({ [kind]: { payload: payload.toString('base64') } });

/** The form for people where the kind has one, else the exact one. Never throws for a payload that cannot be read. */
export function jobToJson(type: JobType | undefined, kind: string, payload: Buffer): string {
  try {
    const body = type?.toJson?.(payload);
    if (body !== undefined) return JSON.stringify({ [kind]: body });
  } catch {
    // What cannot be read is shown as it is.
  }
  return jobToExactJson(kind, payload);
}

/** Throws `InvalidArgument` for what is not a job of a kind that is known here. */
export function jobFromJson(types: ReadonlyMap<string, JobType>, text: string): NewJob {
  const invalid = (why: string, cause?: unknown): RoostError => new RoostError('InvalidArgument', `a job is a JSON object with one key, its kind: ${why}`, { cause });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : 'it cannot be read', cause);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw invalid('it is no object');
  const [entry, second] = Object.entries(parsed);
  if (entry === undefined || second !== undefined) throw invalid(`it has ${entry === undefined ? 'none' : 'several'}`);
  const [kind, body] = entry as [string, unknown];
  const type = types.get(kind);
  if (type === undefined) throw invalid(`there is no kind ${JSON.stringify(kind.slice(0, 100))}; there are ${[...types.keys()].join(', ')}`);
  const exact = exactPayload(body);
  const job = exact === undefined ? type.fromJson?.(body) : { payload: exact };
  if (job === undefined) throw invalid(`${kind} must hold {"payload": "<base64>"}`);
  // A payload that cannot be taken apart is refused here, where its sender still hears of it.
  if (exact !== undefined) {
    try {
      type.split(exact, () => undefined);
    } catch (cause) {
      throw new RoostError('InvalidArgument', `the payload of a ${kind} job cannot be read: ${RoostError.from(cause).message}`, { cause });
    }
  }
  return { kind, ...job };
}

function exactPayload(body: unknown): Buffer | undefined {
  if (typeof body !== 'object' || body === null || Object.keys(body).join() !== 'payload') return undefined;
  const { payload } = body as { payload: unknown };
  if (typeof payload !== 'string') return undefined;
  const bytes = Buffer.from(payload, 'base64');
  // Node takes what it can of a text that is none, and leaves out the rest.
  return bytes.toString('base64') === payload ? bytes : undefined;
}
