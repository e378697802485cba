export interface User {
  readonly id: bigint;
  /** As people see it: 1 to 50 characters. */
  readonly name: string;
  /** As it follows an @: 1 to 20 letters, digits and _. Uniqueness is not checked: rows are found by id only. */
  readonly screenName: string;
  readonly flags: number;
}

/** Changes of a user; absent fields stay as they are. */
export type UserChange = Pick<User, 'id'> & Partial<User>;
