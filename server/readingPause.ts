/** What came during a pause is read within so long of its end: some turns of the event loop, since a socket gives only so much in one. */
const catchUpMs = 250;

/** A time in which nothing was read, and what it says of that which is read after it: the kernel keeps what arrives meanwhile, and does not say when it did. */
export class ReadingPause {
  #beganMs = Infinity;
  #endedMs = -Infinity;

  /** On the monotonic clock, as all here. One that begins while the one before may have left something unread goes on with it. */
  begin(atMs: number): void {
    if (atMs - this.#endedMs > catchUpMs) this.#beganMs = atMs;
    this.#endedMs = Infinity;
  }

  end(atMs: number): void {
    if (this.#endedMs === Infinity) this.#endedMs = atMs;
  }

  /** All that came until now has been read. */
  caughtUp(): void {
    if (this.#endedMs === Infinity) return;
    this.#beganMs = Infinity;
    this.#endedMs = -Infinity;
  }

  /** The earliest moment at which what is read at `nowMs` may have arrived. */
  arrivedSinceMs(nowMs: number): number {
    return nowMs - this.#endedMs <= catchUpMs ? this.#beganMs : nowMs;
  }
}
