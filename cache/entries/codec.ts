/** How the values of a cache become bytes. */
export interface Codec<V> {
  /** 0 to 255. Another one makes everything that was stored before a miss. */
  readonly format: number;
  encode(value: V): Buffer;
  /** Undefined, or an error, for what is no value: it counts as a miss. The buffers are the caller's only until the call returns. */
  decode(body: Buffer, front: Buffer): V | undefined;
}
