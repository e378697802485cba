/** Encodes and decodes the values of a cache. */
export interface Codec<V> {
  /** 0 to 255. A new format makes every stored entry a miss. */
  readonly format: number;
  encode(value: V): Buffer;
  /**
   * Undefined, or an exception, for bytes that are no value: they count as a miss. The buffers are valid only during
   * the call.
   */
  decode(body: Buffer, front: Buffer): V | undefined;
}
