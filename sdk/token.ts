import { readFileSync } from 'node:fs';
import { RoostError } from '../core/index.js';
import type { ServerAddress } from './address.js';

/**
 * Reads the token in a file at each call, without trailing line breaks, so that each new connection has the newest.
 * Throws `FailedPrecondition` if the file cannot be read.
 */
export const tokenIn = (file: string) => (): string => {
  try {
    return readFileSync(file, 'utf8').trimEnd();
  } catch (cause) {
    throw new RoostError('FailedPrecondition', `the token file ${file} cannot be read: ${(cause as Error).message}`, {
      fields: { file },
      cause,
    });
  }
};

/** The token for a new connection; undefined if there is none. */
export const tokenFor = ({ token }: Pick<ServerAddress, 'token'>): string | undefined =>
  typeof token === 'function' ? token() : token;
