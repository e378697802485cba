import { RoostError } from '../../core/index.js';

/** Failing jobs of one kind and version that no server could apply so far. */
export interface UnknownJobs {
  readonly kind: string;
  readonly version: number;
  readonly jobs: number;
  /** How long ago the journal accepted the oldest; undefined where that is not known. */
  readonly oldestAgeMs: number | undefined;
}

/**
 * The name under which jobs wait for a server that knows their kind and version, in the place of the host on which other jobs failed. No host is named so. A kind of other characters waits under
 * no name ('').
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

/** A job of a kind, or of a version of it, that this server does not know. Another server may: the job waits for one that does, and is never given up. */
export class UnknownJob extends RoostError {
  constructor(
    readonly kind: string,
    readonly version: number,
    /** The newest version that is known here; undefined where the kind is not. */
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
 * Checks the version that a payload itself begins with, for a format that has one. Throws `UnknownJob` for a newer one than is known here, and `DataLoss` for anything else than `known`.
 */
export function requirePayloadVersion(kind: string, found: unknown, known: number): void {
  if (found === known) return;
  if (typeof found === 'number' && Number.isSafeInteger(found) && found > known)
    throw new UnknownJob(kind, found, known);
  throw new RoostError(
    'DataLoss',
    `the payload of a ${kind} job has no version that ever was: ${String(found).slice(0, 40)}`,
  );
}
