import { RoostError } from '../core/index.js';

/**
 * Checks a field that the IDL does not mark optional, but a sender may leave out. Throws `InvalidArgument` with its
 * name.
 */
export function required<T>(value: T | null | undefined, name: string): T {
  if (value === null || value === undefined)
    throw new RoostError('InvalidArgument', `${name} is missing`, { fields: { argument: name } });
  return value;
}

/** Reading code gets null for a field that the sender left out. */
export type Received<T> = { readonly [K in keyof T]?: T[K] | null };
