export interface User {
  readonly id: bigint;
  /** As people see it: 1 to 50 characters. */
  readonly name: string;
  /** As it stands behind an @: 1 to 20 letters, digits and _. That no two users share one is not checked: rows are found by id only. */
  readonly screenName: string;
  readonly flags: number;
}

/** What changes of a user; what is absent stays as it is. */
export type UserChange = Pick<User, 'id'> & Partial<User>;
