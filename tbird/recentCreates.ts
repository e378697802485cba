import type { TweetContent } from './tweet.js';

/** Creates that may be journalled and not yet in their tables. */
const kept = 20_000;

/** What this process has accepted lately under ids that callers brought, so that another content for one of them is refused before it can be read. */
export class RecentCreates {
  readonly #byId = new Map<bigint, TweetContent>();

  get(id: bigint): TweetContent | undefined {
    return this.#byId.get(id);
  }

  add(content: TweetContent): void {
    this.#byId.delete(content.id);
    this.#byId.set(content.id, content);
    if (this.#byId.size > kept) for (const [oldest] of this.#byId) return void this.#byId.delete(oldest);
  }

  remove(id: bigint): void {
    this.#byId.delete(id);
  }
}
