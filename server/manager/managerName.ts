import { hostname } from 'node:os';
import type { Caller } from '../caller.js';

/**
 * The author of a change made through the manager: the identity with its roles, if access control is on, and the
 * address.
 */
export function managerName({ peer: { address }, access: { caller } }: Pick<Caller, 'peer' | 'access'>): string {
  const manager = `manager on ${hostname()} (process ${process.pid})`;
  return caller === undefined
    ? `${manager}, for ${address}`
    : `${caller.name} (${caller.roles.join(', ')}) at ${address}, ${manager}`;
}
