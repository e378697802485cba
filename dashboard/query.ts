import { RoostError } from '../core/index.js';

/** An integer of a query. Throws `InvalidArgument`. */
export function integer(query: URLSearchParams, name: string, min: number, max: number): number {
  const text = query.get(name) ?? '';
  const value = /^-?\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new RoostError('InvalidArgument', `${name} must be an integer from ${min} to ${max}, not ${text}`);
}

/** One of some values; the first where the query does not say. Throws `InvalidArgument`. */
export function oneOf<T extends string>(query: URLSearchParams, name: string, values: readonly T[]): T {
  const text = query.get(name);
  const value = text === null ? values[0] : values.find((each) => each === text);
  if (value !== undefined) return value;
  throw new RoostError('InvalidArgument', `${name} must be one of ${values.join(', ')}, not ${text}`);
}
