import { readFileSync } from 'node:fs';
import { RoostError } from '../core/index.js';

/** A password in the configuration, or in a file beside it. */
export interface Secret {
  readonly password?: string | undefined;
  readonly passwordFile?: string | undefined;
}

/**
 * The present password: a file is read at every call, so that new connections log in with the newest. One trailing
 * line break is ignored. Undefined if there is none. Throws `FailedPrecondition` if the file cannot be read.
 */
export function passwordOf({ password, passwordFile }: Secret): string | undefined {
  if (passwordFile === undefined) return password;
  return readSecret(passwordFile, 'password').replace(/\r?\n$/, '');
}

/** The present content of a configured file. Throws `FailedPrecondition` if it cannot be read. */
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
