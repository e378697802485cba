import { LRUCache } from 'lru-cache';

/** The part of a cache that a process keeps in its own memory. */
export interface FirstLevelOptions {
  readonly entries: number;
  /** How long a write by another process may go unnoticed. */
  readonly seconds: number;
}

/** A few hot values in the process's memory, for seconds each; the least recently used leave first. Room for all entries is taken at once. */
export class FirstLevel<K extends bigint | string, V> {
  readonly #values: LRUCache<K, { readonly value: V }>;

  constructor({ entries, seconds }: FirstLevelOptions) {
    this.#values = new LRUCache({ max: entries, ttl: seconds * 1_000 });
  }

  get(key: K): V | undefined {
    return this.#values.get(key)?.value;
  }

  set(key: K, value: V): void {
    this.#values.set(key, { value });
  }

  delete(key: K): void {
    this.#values.delete(key);
  }
}
