/**
 * Counts the most frequent of any number of keys in bounded memory, by Space-Saving (Metwally, Agrawal and El Abbadi
 * 2005) with pruning in batches. A count is never too low, and too high by at most `error`.
 */
export class TopCounts<Key> {
  #counts = new Map<Key, number>();
  #error = 0;

  /** @param kept keys that survive pruning; at most twice as many are held */
  constructor(private readonly kept: number) {}

  /** The most by which a count may be too high: 0 as long as all keys fit. */
  get error(): number {
    return this.#error;
  }

  add(key: Key, count = 1): void {
    const known = this.#counts.get(key);
    if (known === undefined && this.#counts.size >= 2 * this.kept) this.#prune();
    // A key that was pruned earlier may have had this count.
    this.#counts.set(key, (known ?? this.#error) + count);
  }

  /** The keys with the highest counts, highest first. */
  top(count = this.kept): [key: Key, count: number][] {
    return [...this.#counts].sort(([, a], [, b]) => b - a).slice(0, count);
  }

  /** Returns the result of `top`, and starts again from zero. */
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
