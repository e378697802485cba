import { giveWay, RoostError } from '../../core/index.js';
import type { AnyJobType } from './jobType.js';
import type { NewJob } from './journal.js';
import { UnknownJob } from './unknownJobs.js';

/**
 * A job as JSON: an object with one key, the job's kind. Its value is the kind's form for people, or, exact and for
 * any kind, {"payload": "<base64>"} with a "version" above 1.
 */

/** The exact form, which every cluster that knows the kind can read. */
export const jobToExactJson = (kind: string, payload: Buffer, version = 1): string =>
  JSON.stringify({ [kind]: { payload: payload.toString('base64'), ...(version === 1 ? {} : { version }) } });

/** The form for people if the kind has one, else the exact one. Never throws for an unreadable payload. */
export function jobToJson(type: AnyJobType | undefined, kind: string, payload: Buffer, version = 1): string {
  try {
    const body = version > (type?.version ?? 1) ? undefined : type?.toJson?.(payload, version);
    if (body !== undefined) return JSON.stringify({ [kind]: body });
  } catch {
    // What cannot be read is shown as it is.
  }
  return jobToExactJson(kind, payload, version);
}

/**
 * Throws `InvalidArgument` for anything but a job of a known kind and version; with the field `unknownKind` if only
 * these are unknown.
 */
export async function jobFromJson(types: ReadonlyMap<string, AnyJobType>, text: string): Promise<NewJob> {
  const invalid = (why: string, cause?: unknown, fields = {}): RoostError =>
    new RoostError('InvalidArgument', `a job is a JSON object with one key, its kind: ${why}`, { cause, fields });
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
  if (type === undefined)
    throw invalid(
      `there is no kind ${JSON.stringify(kind.slice(0, 100))}; there are ${[...types.keys()].join(', ')}`,
      undefined,
      { unknownKind: kind },
    );
  await giveWay();
  const exact = exactPayload(body);
  const job = exact ?? (await type.fromJson?.(body));
  if (job === undefined) throw invalid(`${kind} must hold {"payload": "<base64>"}`);
  // An unreadable payload is refused here, where its sender still hears of it.
  if (exact !== undefined) {
    await giveWay();
    try {
      const known = type.version ?? 1;
      if (exact.version > known) throw new UnknownJob(kind, exact.version, known);
      type.split?.(exact.payload, () => undefined, exact.version);
    } catch (cause) {
      throw new RoostError(
        'InvalidArgument',
        `the payload of a ${kind} job cannot be read: ${RoostError.from(cause).message}`,
        { cause, fields: cause instanceof UnknownJob ? cause.fields : {} },
      );
    }
  }
  return { kind, ...job };
}

function exactPayload(body: unknown): { readonly payload: Buffer; readonly version: number } | undefined {
  if (
    typeof body !== 'object' ||
    body === null ||
    Object.keys(body).some((name) => name !== 'payload' && name !== 'version')
  )
    return undefined;
  const { payload, version = 1 } = body as { payload?: unknown; version?: unknown };
  if (typeof payload !== 'string' || typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1)
    return undefined;
  const bytes = Buffer.from(payload, 'base64');
  // Node decodes as much as it can of malformed base64, and drops the rest.
  return bytes.toString('base64') === payload ? { payload: bytes, version } : undefined;
}
