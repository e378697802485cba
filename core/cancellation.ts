/** Says that nobody waits for some work any more. What an AbortSignal is, without its cost for each of thousands of waits. */
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

  /** Calls `tell` when it is cancelled; at once where it is already. Returns how not to be told any more. */
  onCancel(tell: () => void): () => void {
    if (this.#cancelled) tell();
    else this.#told.add(tell);
    return () => void this.#told.delete(tell);
  }
}
