/** Maps a key to the number by which it is routed. Pure, and the same for ever: data lies where it says. */
export interface KeyHash {
  readonly name: string;
  /** The greatest value that `hash` gives. */
  readonly maxHash: bigint;
  /** From a key of 0 … 2^63 − 1 to 0 … maxHash. */
  hash(key: bigint): bigint;
}
