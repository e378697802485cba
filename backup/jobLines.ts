import { z } from 'zod';
import { RoostError } from '../core/index.js';
import { decodeJob, type ArchivedEntry } from '../gizzard/index.js';

/** A job of a backup. */
export interface SavedJob {
  readonly number: number;
  readonly micros: bigint;
  /** `damaged`: the job was already damaged in the journal, and its content is unknown. */
  readonly job:
    { readonly kind: string; readonly version: number; readonly payload: Buffer } | { readonly damaged: string };
}

/** A line is [number, time, kind, version, payload in base64]; for a damaged job, [number, time, the fault]. */
const micros = z
  .string()
  .regex(/^\d{1,19}$/)
  .transform(BigInt);
const lineSchema = z.union([
  z.tuple([z.int(), micros, z.string(), z.int(), z.string()]),
  z.tuple([z.int(), micros, z.string()]),
]);

export function jobLine({ number, micros, fields }: ArchivedEntry): string {
  let line: readonly unknown[];
  try {
    const { kind, version, payload } = decodeJob(fields);
    line = [number, String(micros), kind, version, payload.toString('base64')];
  } catch (error) {
    line = [number, String(micros), RoostError.from(error).message];
  }
  return `${JSON.stringify(line)}\n`;
}

/** Throws `DataLoss` if the line is malformed. */
export function parseJobLine(line: string, name: string): SavedJob {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    value = undefined;
  }
  const parsed = lineSchema.safeParse(value);
  if (!parsed.success)
    throw new RoostError('DataLoss', `${name} holds no jobs of a journal`, { fields: { object: name } });
  const [number, at, text, version, payload] = parsed.data;
  return {
    number,
    micros: at,
    job: version === undefined ? { damaged: text } : { kind: text, version, payload: Buffer.from(payload!, 'base64') },
  };
}
