import { readFileSync } from 'node:fs';
import { RoostError } from '../core/index.js';
import type { ServerAddress } from './address.js';

/** The token in a file, as it is at each call, so that a new connection shows the newest. Line breaks at its end do not count. Throws `FailedPrecondition` where the file cannot be read. */
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

/** The token for a connection that begins now; undefined where none is to be shown. */
export const tokenFor = ({ token }: Pick<ServerAddress, 'token'>): string | undefined =>
  typeof token === 'function' ? token() : token;
