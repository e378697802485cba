/**
 * Counts the most frequent of any number of keys in bounded memory: Space-Saving (Metwally, Agrawal and El Abbadi 2005), pruned in batches. A count is never too low, and too high by `error` at most.
 */
export class TopCounts<Key> {
  #counts = new Map<Key, number>();
  #error = 0;

  /** @param kept keys that survive a pruning; at most twice as many are held */
  constructor(private readonly kept: number) {}

  /** How much too high a count may be: 0 while all keys have fitted. */
  get error(): number {
    return this.#error;
  }

  add(key: Key, count = 1): void {
    const known = this.#counts.get(key);
    if (known === undefined && this.#counts.size >= 2 * this.kept) this.#prune();
    // A key that was pruned before may have had this much.
    this.#counts.set(key, (known ?? this.#error) + count);
  }

  /** The keys with the greatest counts, the greatest first. */
  top(count = this.kept): [key: Key, count: number][] {
    return [...this.#counts].sort(([, a], [, b]) => b - a).slice(0, count);
  }

  /** Returns what `top` does, and begins anew. */
  take(): [key: Key, count: number][] {
    const taken = this.top();
    this.#counts = new Map();
    this.#error = 0;
    return taken;
  }

  #prune(): void {
    const sorted = this.top(this.#counts.size);
    this.#error = sorted[this.kept]?.[1] ?? this.#error;
    this.#counts = new Map(sorted.slice(0, this.kept));
  }
}
