/** The part of a cache that a process keeps in its own memory. */
export interface FirstLevelOptions {
  readonly entries: number;
  /** How long a write by another process may go unnoticed. */
  readonly seconds: number;
}

/** A few hot values in the process's memory, for seconds each; the least recently used leave first. */
export class FirstLevel<K, V> {
  readonly #values = new Map<K, { readonly value: V; readonly untilMs: number }>();

  constructor(private readonly options: FirstLevelOptions) {}

  get(key: K): V | undefined {
    const known = this.#values.get(key);
    if (known === undefined) return undefined;
    this.#values.delete(key);
    if (performance.now() >= known.untilMs) return undefined;
    this.#values.set(key, known);
    return known.value;
  }

  set(key: K, value: V): void {
    this.#values.delete(key);
    this.#values.set(key, { value, untilMs: performance.now() + this.options.seconds * 1000 });
    if (this.#values.size > this.options.entries) this.#values.delete(this.#values.keys().next().value!);
  }

  delete(key: K): void {
    this.#values.delete(key);
  }
}
