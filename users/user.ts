import { maxId, RoostError, type Micros } from '../core/index.js';
import type { UserChange } from '../wire/index.js';

/** Named bits of `flags`. Unnamed bits are kept as well. */
export const userFlags = { protected: 1, verified: 2, suspended: 4 } as const;

/** A value and the time of its write. The later one wins; at equal times the greater value. */
export interface Register<T> {
  readonly value: T;
  readonly at: Micros;
}

/** The time of a register that was never written. */
export const never: Micros = 0n;

/**
 * A user as stored. Each field is a register of its own, so that a concurrent rename and change of flags both stay. A
 * write has the same shape; registers that it leaves alone have the time `never`.
 */
export interface UserRecord {
  readonly id: bigint;
  readonly name: Register<string>;
  readonly screenName: Register<string>;
  readonly flags: Register<number>;
  /** False for a removed user, whose other registers stay empty until they are written again. */
  readonly exists: Register<boolean>;
}

const later = <T extends string | number | boolean>(a: Register<T>, b: Register<T>): Register<T> =>
  a.at > b.at || (a.at === b.at && a.value >= b.value) ? a : b;

/**
 * Merges two writes, or a row and a write. Commutative, associative and idempotent. Returns `a` itself if `b` adds
 * nothing.
 */
export function mergeUsers(a: UserRecord, b: UserRecord): UserRecord {
  const name = later(a.name, b.name);
  const screenName = later(a.screenName, b.screenName);
  const flags = later(a.flags, b.flags);
  const exists = later(a.exists, b.exists);
  return name === a.name && screenName === a.screenName && flags === a.flags && exists === a.exists
    ? a
    : { id: a.id, name, screenName, flags, exists };
}

/** Whether two rows hold the same user. */
export const sameUser = (a: UserRecord, b: UserRecord): boolean => mergeUsers(a, b) === a && mergeUsers(b, a) === b;

/** A change as a write at a time. */
export function writeOf(
  { id, name, screenName, flags, exists }: UserChange & { readonly exists?: boolean },
  at: Micros,
): UserRecord {
  const register = <T>(value: T | undefined, empty: T): Register<T> =>
    value === undefined ? { value: empty, at: never } : { value, at };
  return {
    id,
    name: register(name, ''),
    screenName: register(screenName, ''),
    flags: register(flags, 0),
    exists: register(exists, false),
  };
}

const maxNameCharacters = 50;
const screenNamePattern = /^[A-Za-z0-9_]{1,20}$/;

/** Throws `InvalidArgument`. */
export function checkChange({ id, name, screenName, flags }: UserChange): void {
  if (id < 0n || id > maxId) throw invalid(`ids are from 0 to 2^63 − 1, not ${id}`);
  if (name !== undefined) {
    const characters = [...name].length;
    if (characters < 1 || characters > maxNameCharacters || /\p{Surrogate}/u.test(name))
      throw invalid(`a name has 1 to ${maxNameCharacters} characters, not ${characters}`);
  }
  if (screenName !== undefined && !screenNamePattern.test(screenName)) {
    throw invalid(
      `a screen name has 1 to 20 letters, digits and _, and is not ${JSON.stringify(screenName.slice(0, 40))}`,
    );
  }
  if (flags !== undefined && (!Number.isInteger(flags) || flags < 0 || flags > 0xffffffff))
    throw invalid(`flags are an unsigned 32-bit integer, not ${flags}`);
}

const invalid = (message: string): RoostError => new RoostError('InvalidArgument', message);
