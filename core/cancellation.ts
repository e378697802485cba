/** Tells that nobody waits for some work any more: an AbortSignal without its cost for thousands of waits. */
export class Cancellation {
  readonly #told = new Set<() => void>();
  #cancelled = false;

  get cancelled(): boolean {
    return this.#cancelled;
  }

  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    const told = [...this.#told];
    this.#told.clear();
    for (const tell of told) tell();
  }

  /** Calls `tell` on cancellation, or at once if it has happened. Returns a function that unsubscribes. */
  onCancel(tell: () => void): () => void {
    if (this.#cancelled) tell();
    else this.#told.add(tell);
    return () => void this.#told.delete(tell);
  }
}
