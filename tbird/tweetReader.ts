import { chunks, type Deadline } from '../core/index.js';
import type { Gizzard, Route } from '../gizzard/index.js';
import type { DatabaseHost } from '../mysql/index.js';
import { readTweets } from './storage/tweetRows.js';
import type { TweetTables } from './storage/tweetTable.js';
import type { TweetRecord } from './tweetRecord.js';
import type { Windows } from './windows/windows.js';

/** Tables that one statement reads from; more would keep the others that run on the host waiting. */
const tablesPerStatement = 8;

/** Reads the rows of tweets from the databases. */
export class TweetReader {
  constructor(
    private readonly gizzard: Gizzard,
    private readonly windows: Windows,
    private readonly tables: TweetTables,
  ) {}

  /** The rows of some ids, deleted ones and those without content too. */
  async records(ids: Iterable<bigint>, deadline: Deadline): Promise<Map<bigint, TweetRecord>> {
    const byRoute = await this.#routed(ids, deadline);
    // In the order of the tables, so that the same tables make the same statement, which is prepared already.
    const routes = [...byRoute.keys()].sort((a, b) => (a.root.id.tablePrefix < b.root.id.tablePrefix ? -1 : 1));
    const parts = await Promise.all(
      Array.from(chunks(routes, tablesPerStatement), (some) =>
        this.gizzard.readTogether(some, deadline, (host: DatabaseHost, leaves, left) =>
          readTweets(
            host,
            leaves.map(({ leaf, place }) => ({
              table: this.tables.at(leaf.shard).sql,
              ids: byRoute.get(some[place]!)!,
            })),
            left,
          ),
        ),
      ),
    );
    return new Map(parts.flat(2).map((record) => [record.id, record]));
  }

  /** Ids whose windows are there: what a window that was dropped has left in the cache is gone as well. */
  async present(ids: Iterable<bigint>, deadline: Deadline): Promise<bigint[]> {
    return [...(await this.#routed(ids, deadline)).values()].flat();
  }

  /**
   * Ids by the tree of their table; those are left out whose window is not there. One that is missing may have been made through another server a moment ago, so that none is said to
   * be missing before another look.
   */
  async #routed(ids: Iterable<bigint>, deadline: Deadline): Promise<Map<Route, bigint[]>> {
    const { windowMs } = await this.windows.policy();
    const all = new Set(ids);
    const first = this.windows.byRoute(all, windowMs);
    if (!first.someMayBeMade) return first.byRoute;
    await this.windows.lookAnew(deadline);
    return this.windows.byRoute(all, windowMs).byRoute;
  }
}
