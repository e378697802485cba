const slabBytes = 256 * 1024;

/** Cuts buffers that live for a short time from large ones: each buffer of its own costs the garbage collector more than it costs to fill. */
export class Slab {
  #free: Buffer = Buffer.alloc(0);

  /** Bytes that nobody else holds, of any content. */
  take(bytes: number): Buffer {
    if (bytes > slabBytes / 4) return Buffer.allocUnsafeSlow(bytes);
    if (bytes > this.#free.length) this.#free = Buffer.allocUnsafeSlow(slabBytes);
    const taken = this.#free.subarray(0, bytes);
    this.#free = this.#free.subarray(bytes);
    return taken;
  }
}
