/** Maps a key to the number that routes it. Pure and constant for ever: data lies where it says. */
export interface KeyHash {
  readonly name: string;
  /** The greatest value of `hash`. */
  readonly maxHash: bigint;
  /** From a key of 0 … 2^63 − 1 to 0 … maxHash. */
  hash(key: bigint): bigint;
}
