import type { TweetContent } from './tweet.js';

/** Number of creates kept that may be journaled but not yet applied; twice as many at most. */
const kept = 20_000;

/**
 * Creates that this process recently accepted under callers' own ids, so that different content for such an id is
 * refused before it can be read.
 */
export class RecentCreates {
  // Two generations: finding the oldest entry of one map means stepping over all removed ones.
  #young = new Map<bigint, TweetContent>();
  #old = new Map<bigint, TweetContent>();

  get(id: bigint): TweetContent | undefined {
    return this.#young.get(id) ?? this.#old.get(id);
  }

  add(content: TweetContent): void {
    if (this.#young.size >= kept) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(content.id, content);
  }

  remove(id: bigint): void {
    this.#young.delete(id);
    this.#old.delete(id);
  }
}
