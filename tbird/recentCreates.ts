import type { TweetContent } from './tweet.js';

/** Creates that may be journaled and not yet in their tables: at least so many are kept, and twice as many at most. */
const kept = 20_000;

/** What this process has accepted lately under ids that callers brought, so that another content for one of them is refused before it can be read. */
export class RecentCreates {
  // Two generations: to look for the oldest of one map, entry by entry, means to step over all that was taken out before it.
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
