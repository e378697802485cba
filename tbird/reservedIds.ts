/** Ids that were given out and not used yet; those of callers that never come back are forgotten in turn. */
const kept = 100_000;

/**
 * Ids that this process has made for callers who will bring them. Where one is used for the first time, nobody else can have used it, and nothing needs to be looked up.
 */
export class ReservedIds {
  readonly #ids = new Set<bigint>();

  add(ids: readonly bigint[]): void {
    for (const id of ids) this.#ids.add(id);
    if (this.#ids.size <= kept) return;
    for (const oldest of this.#ids) {
      if (this.#ids.size <= kept) return;
      this.#ids.delete(oldest);
    }
  }

  /** Whether the id is one of them; from now on it is not. */
  use(id: bigint): boolean {
    return this.#ids.delete(id);
  }
}
