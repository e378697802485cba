import { RoostError } from '../../core/index.js';

/** Failing jobs of one kind and version that no server can apply yet. */
export interface UnknownJobs {
  readonly kind: string;
  readonly version: number;
  readonly jobs: number;
  /** Age of the oldest since its acceptance; undefined if unknown. */
  readonly oldestAgeMs: number | undefined;
}

/**
 * The name that such jobs are filed under, in place of a failing host; no host has such a name. A kind with other
 * characters is filed under '' instead.
 */
export const waitingFor = (kind: string, version: number): string =>
  /^[A-Za-z0-9_.:/-]{1,64}$/.test(kind) ? `kind=${kind}@${version}` : '';

/** The kind and version in such a name; undefined for a host. */
export function waitedFor(name: string): { readonly kind: string; readonly version: number } | undefined {
  const [, kind, version] = /^kind=(.*)@(\d+)$/.exec(name) ?? [];
  return kind === undefined ? undefined : { kind, version: Number(version) };
}

/** One line for people. */
export const unknownJobsText = ({ kind, version, jobs, oldestAgeMs }: UnknownJobs): string =>
  `${jobs} ${jobs === 1 ? 'job' : 'jobs'} of kind ${kind}, version ${version}, ${jobs === 1 ? 'waits' : 'wait'} for a server that knows them${oldestAgeMs === undefined ? '' : `, the oldest accepted ${Math.round(oldestAgeMs / 1_000)} s ago`}`;

/** A job of an unknown kind or version. Another server may know it: the job waits, and is never given up. */
export class UnknownJob extends RoostError {
  constructor(
    readonly kind: string,
    readonly version: number,
    /** The newest version known here; undefined if the kind is unknown. */
    known: number | undefined,
  ) {
    const what =
      known === undefined
        ? `no job of kind ${kind}`
        : `jobs of kind ${kind} up to version ${known}, not version ${version}`;
    super('FailedPrecondition', `this server knows ${what}`, {
      fields: { unknownKind: kind, unknownVersion: version },
    });
  }
}

/**
 * Checks the version at the start of a payload, for formats that have one. Throws `UnknownJob` for a newer one than
 * is known here, and `DataLoss` for any other than `known`.
 */
export function requirePayloadVersion(kind: string, found: unknown, known: number): void {
  if (found === known) return;
  if (typeof found === 'number' && Number.isSafeInteger(found) && found > known)
    throw new UnknownJob(kind, found, known);
  throw new RoostError(
    'DataLoss',
    `the payload of a ${kind} job has an impossible version: ${String(found).slice(0, 40)}`,
  );
}
