import type { ErrorCode } from '../../core/index.js';

/** Exit codes of `roost`: one for each canonical code, so that scripts need not read messages. */
export const exitCodes = {
  Internal: 1,
  InvalidArgument: 10,
  NotFound: 11,
  AlreadyExists: 12,
  FailedPrecondition: 13,
  Unavailable: 14,
  DeadlineExceeded: 15,
  Overloaded: 16,
  Conflict: 17,
  DataLoss: 18,
  Unauthenticated: 19,
  PermissionDenied: 20,
} as const satisfies Record<ErrorCode, number>;

/** The command line itself was wrong: an unknown command or option, a missing or malformed argument. */
export const usageExitCode = 2;

/** `roost doctor` reported findings. */
export const findingsExitCode = 3;

/** Ends a command that did its work with a code other than 0. */
export class EndWith extends Error {
  constructor(readonly exitCode: number) {
    super(`ends with exit code ${exitCode}`);
  }
}

/** A command that a signal stopped exits with 128 plus the signal's number, as shells expect. */
export const signalExitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export type StopSignal = keyof typeof signalExitCodes;
