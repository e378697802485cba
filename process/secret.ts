import { readFileSync } from 'node:fs';
import { RoostError } from '../core/index.js';

/** A password in the configuration, or in a file beside it. */
export interface Secret {
  readonly password?: string | undefined;
  readonly passwordFile?: string | undefined;
}

/**
 * The password as it is now: a file is read at every call, so that a new connection logs in with the newest. One line break at its end does not count. Undefined where there is none. Throws
 * `FailedPrecondition` where the file cannot be read.
 */
export function passwordOf({ password, passwordFile }: Secret): string | undefined {
  if (passwordFile === undefined) return password;
  return readSecret(passwordFile, 'password').replace(/\r?\n$/, '');
}

/** A file that the configuration names, as it is now. Throws `FailedPrecondition` where it cannot be read. */
export function readSecret(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new RoostError(
      'FailedPrecondition',
      `the ${what} file ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      { fields: { file }, cause: error },
    );
  }
}
