const slabBytes = 256 * 1024;

/**
 * Cuts short-lived buffers from large ones: a buffer of its own costs the garbage collector more than filling it
 * does.
 */
export class Slab {
  #free: Buffer = Buffer.alloc(0);

  /** Bytes that nobody else holds, with arbitrary content. */
  take(bytes: number): Buffer {
    if (bytes > slabBytes / 4) return Buffer.allocUnsafeSlow(bytes);
    if (bytes > this.#free.length) this.#free = Buffer.allocUnsafeSlow(slabBytes);
    const taken = this.#free.subarray(0, bytes);
    this.#free = this.#free.subarray(bytes);
    return taken;
  }
}
