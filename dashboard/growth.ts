import type { ServerFigures } from './figures.js';

/** The shortest time that rates cover, once that much is known. */
const windowMs = 12_000;
const maxServers = 1_000;

/** The growth of all servers' counters, from each server's posts of the last seconds. */
export class Growth {
  readonly #posts = new Map<string, ServerFigures[]>();

  /** Adds the latest posts, by server. Forgets servers that are not among them. Returns the new posts. */
  add(latest: ReadonlyMap<string, ServerFigures>): ServerFigures[] {
    for (const server of this.#posts.keys()) if (!latest.has(server)) this.#posts.delete(server);
    const fresh: ServerFigures[] = [];
    for (const [server, figures] of [...latest].slice(0, maxServers)) {
      const posts = this.#posts.get(server) ?? [];
      if (posts.at(-1)?.post === figures.post) continue;
      fresh.push(figures);
      posts.push(figures);
      while (posts.length > 2 && posts[1]!.atMs <= figures.atMs - windowMs) posts.shift();
      this.#posts.set(server, posts);
    }
    return fresh;
  }

  /** The servers that post. */
  get servers(): number {
    return this.#posts.size;
  }

  /** The counters whose names begin with `prefix`, without it. */
  names(prefix: string): ReadonlySet<string> {
    const names = new Set<string>();
    for (const posts of this.#posts.values())
      for (const name of Object.keys(posts.at(-1)?.counters ?? {}))
        if (name.startsWith(prefix)) names.add(name.slice(prefix.length));
    return names;
  }

  /**
   * The growth per second of each number of a counter, of a server or the sum over all servers; null until two posts
   * are known.
   */
  perSecond(name: string, server?: string): readonly number[] | null {
    let sum: number[] | null = null;
    for (const [id, posts] of this.#posts) {
      if (server !== undefined && id !== server) continue;
      const [first, last] = [posts[0], posts.at(-1)];
      const after = last?.counters[name];
      if (first === undefined || last === undefined || first === last || after === undefined) continue;
      // A new counter started at 0.
      const before = first.counters[name] ?? [];
      const seconds = Math.max(0.001, (last.atMs - first.atMs) / 1_000);
      sum ??= [];
      for (const [i, value] of after.entries())
        sum[i] = (sum[i] ?? 0) + Math.max(0, value - (before[i] ?? 0)) / seconds;
    }
    return sum;
  }

  /** The sum of a counter's first number over all servers, as of their latest posts. */
  total(name: string): number {
    return [...this.#posts.values()].reduce((sum, posts) => sum + (posts.at(-1)?.counters[name]?.[0] ?? 0), 0);
  }

  /** The sum of a gauge over all servers, as of their latest posts. */
  now(name: string): readonly number[] {
    const sum: number[] = [];
    for (const posts of this.#posts.values())
      for (const [i, value] of (posts.at(-1)?.gauges[name] ?? []).entries()) sum[i] = (sum[i] ?? 0) + value;
    return sum;
  }

  /**
   * A quantile of a histogram in milliseconds, interpolated within its bucket; null if there are no recent
   * observations.
   */
  quantileMs(name: string, quantile: number, server?: string): number | null {
    const rates = this.perSecond(name, server);
    const bounds = [...this.#posts.values()].at(-1)?.at(-1)?.bounds ?? [];
    if (rates === null || bounds.length === 0) return null;
    const total = rates[bounds.length] ?? 0;
    if (total <= 0) return null;
    const wanted = total * quantile;
    const place = bounds.findIndex((_, i) => (rates[i] ?? 0) >= wanted);
    if (place < 0) return bounds.at(-1)! * 1_000;
    const [below, from] = place === 0 ? [0, 0] : [rates[place - 1] ?? 0, bounds[place - 1]!];
    const inside = (rates[place] ?? 0) - below;
    const share = inside <= 0 ? 1 : (wanted - below) / inside;
    return (from + (bounds[place]! - from) * share) * 1_000;
  }

  /** The observations of a histogram per second; null if nothing is known. */
  countPerSecond(name: string, server?: string): number | null {
    const rates = this.perSecond(name, server);
    return rates === null ? null : Math.max(0, ...rates);
  }
}
