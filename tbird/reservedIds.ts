/** Number of reserved, unused ids kept; those of callers that never return are dropped in turn. */
const kept = 100_000;

/**
 * Ids that this process has reserved for callers. On first use nobody else can have used such an id, so that nothing
 * needs to be looked up.
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

  /** Whether the id is reserved; uses it up. */
  use(id: bigint): boolean {
    return this.#ids.delete(id);
  }
}
