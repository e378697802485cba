import { RoostError } from '../core/index.js';

/** A field that the IDL does not mark optional, but a sender may leave out. Throws `InvalidArgument` naming it. */
export function required<T>(value: T | null | undefined, name: string): T {
  if (value === null || value === undefined)
    throw new RoostError('InvalidArgument', `${name} is missing`, { fields: { argument: name } });
  return value;
}

/** Reading code sees null where a sender has left a field out. */
export type Received<T> = { readonly [K in keyof T]?: T[K] | null };
