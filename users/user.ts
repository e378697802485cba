import { maxId, RoostError, type Micros } from '../core/index.js';

/** What a service may say of a user, each a bit of `flags`. Bits that have no name here are kept as well. */
export const userFlags = { protected: 1, verified: 2, suspended: 4 } as const;

export interface User {
  readonly id: bigint;
  /** As people see it: 1 to 50 characters. */
  readonly name: string;
  /** As it stands behind an @: 1 to 20 letters, digits and _. That no two users share one is not checked: rows are found by id only. */
  readonly screenName: string;
  readonly flags: number;
}

/** What is remembered of a user: one register, in which the later write wins as a whole. A write has the same shape. */
export interface UserRecord extends User {
  /** The user was removed; name and screen name are empty then. */
  readonly removed: boolean;
  readonly updatedAt: Micros;
}

const maxNameCharacters = 50;
const screenNamePattern = /^[A-Za-z0-9_]{1,20}$/;

/** Throws `InvalidArgument`. */
export function checkUser({ id, name, screenName, flags }: User): void {
  if (id < 0n || id > maxId) throw invalid(`ids are from 0 to 2^63 − 1, not ${id}`);
  const characters = [...name].length;
  if (characters < 1 || characters > maxNameCharacters || /\p{Surrogate}/u.test(name)) throw invalid(`a name has 1 to ${maxNameCharacters} characters, not ${characters}`);
  if (!screenNamePattern.test(screenName)) throw invalid(`a screen name has 1 to 20 letters, digits and _, and is not ${JSON.stringify(screenName.slice(0, 40))}`);
  if (!Number.isInteger(flags) || flags < 0 || flags > 0xffffffff) throw invalid(`flags are an unsigned 32-bit integer, not ${flags}`);
}

const invalid = (message: string): RoostError => new RoostError('InvalidArgument', message);
