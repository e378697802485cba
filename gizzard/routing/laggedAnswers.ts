import { shardKey } from '../topology/types.js';
import type { Route } from './route.js';

/** Trees that are kept in mind. Past it, the one that answered the longest ago counts as one with all that are forgotten. */
const treesAtMost = 10_000;

/**
 * Which trees were last answered for by a replica that lacks writes, and when: because no other replica answered. What was read of them then may go to who asked, but not into a cache,
 * where it would be found when the other replicas are back.
 */
export class LaggedAnswers {
  readonly #atMs = new Map<string, number>();
  #lastMs = -Infinity;
  #forgottenMs = -Infinity;

  /** A replica that lacks writes has answered now. */
  note(route: Route): void {
    const key = shardKey(route.root.id);
    this.#lastMs = performance.now();
    this.#atMs.delete(key);
    this.#atMs.set(key, this.#lastMs);
    if (this.#atMs.size <= treesAtMost) return;
    for (const [oldest, atMs] of this.#atMs) {
      this.#atMs.delete(oldest);
      this.#forgottenMs = atMs;
      break;
    }
  }

  /** Of some keys, those whose tree such a replica has answered for since a moment of the monotonic clock, whoever asked it. */
  among<K>(keys: readonly K[], sinceMs: number, routeOf: (key: K) => Route): ReadonlySet<K> {
    if (this.#lastMs < sinceMs) return new Set();
    return new Set(keys.filter((key) => this.#lastOf(routeOf(key)) >= sinceMs));
  }

  #lastOf(route: Route): number {
    return this.#atMs.get(shardKey(route.root.id)) ?? this.#forgottenMs;
  }
}
