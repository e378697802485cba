/**
 * Bytes that came during a pause are read within this time of its end: some turns of the event loop, since a socket
 * yields a limited amount in each.
 */
const catchUpMs = 250;

/**
 * A time during which nothing was read, and what it implies for bytes read after it: the kernel keeps bytes that
 * arrive meanwhile, and does not record when they did.
 */
export class ReadingPause {
  #beganMs = Infinity;
  #endedMs = -Infinity;

  /**
   * On the monotonic clock, as all here. A pause that begins while the previous one may have left unread bytes
   * continues it.
   */
  begin(atMs: number): void {
    if (atMs - this.#endedMs > catchUpMs) this.#beganMs = atMs;
    this.#endedMs = Infinity;
  }

  end(atMs: number): void {
    if (this.#endedMs === Infinity) this.#endedMs = atMs;
  }

  /** Everything that has arrived so far has been read. */
  caughtUp(): void {
    if (this.#endedMs === Infinity) return;
    this.#beganMs = Infinity;
    this.#endedMs = -Infinity;
  }

  /** The earliest moment at which bytes read at `nowMs` may have arrived. */
  arrivedSinceMs(nowMs: number): number {
    return nowMs - this.#endedMs <= catchUpMs ? this.#beganMs : nowMs;
  }
}
