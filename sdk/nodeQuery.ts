import { limits, parseCount, parseId, parseInt64, RoostError, unpackIds, type IdInput } from '../core/index.js';
import { edgePageFromThrift, queryToThrift, termToThrift, type EdgePage, type EdgeState, type FlockDBTypes, type IdPage, type Query } from '../rpc/wire/index.js';
import type { CallOptions, Channel } from './channel.js';

export interface PageOptions extends CallOptions {
  /** Ids wanted: 1 … limits.pageSize. */
  readonly count?: number;
  /** −1 (the default) starts; a page's `nextCursor` pages on, its `prevCursor` back. */
  readonly cursor?: IdInput;
}

const defaultPageCount = 100;
const firstPageCount = 250;
const maxPageCount = 5_000;

/**
 * The ids at the other end of a node's edges, or a combination of such sets. Immutable and lazy: nothing is asked before a result is.
 *
 * A plain set comes by position, greatest first, which is newest first unless positions were given; a combined one by id, greatest first.
 */
export class NodeQuery implements AsyncIterable<bigint> {
  constructor(
    private readonly channel: Channel,
    private readonly query: Query,
  ) {}

  /** The ids that are in both. */
  intersect(other: NodeQuery): NodeQuery {
    return this.#combine('intersection', other);
  }

  /** The ids that are in either or both. */
  union(other: NodeQuery): NodeQuery {
    return this.#combine('union', other);
  }

  /** The ids that are in this and not in the other. */
  difference(other: NodeQuery): NodeQuery {
    return this.#combine('difference', other);
  }

  /** One page. `nextCursor` is 0n at the end; `prevCursor` is negative, and 0n where nothing precedes the page. */
  async page(options: PageOptions = {}): Promise<IdPage> {
    const request = { operations: queryToThrift(this.query), page: pageToThrift(options) };
    const results = await this.channel.call((client, deadlineMs) => client.select_page(request, { deadline_ms: deadlineMs }), options);
    return { ids: unpackIds(results.ids), nextCursor: results.next_cursor, prevCursor: results.prev_cursor, partial: false };
  }

  /** One page of whole edges, whose source and destination are those of the graph. Only of a plain set, else `InvalidArgument`. */
  async edgePage(options: PageOptions = {}): Promise<EdgePage> {
    if (this.query.kind !== 'term') throw new RoostError('InvalidArgument', 'edges come of one node: a combination of sets has ids only');
    const request = { term: termToThrift(this.query.term), page: pageToThrift(options) };
    return edgePageFromThrift(
      await this.channel.call((client, deadlineMs) => client.select_edge_page(request, { deadline_ms: deadlineMs }), options),
    );
  }

  /** How many ids there are. Exact for a plain set; a combined one may be estimated where it is large. */
  count(options: CallOptions = {}): Promise<bigint> {
    const operations = queryToThrift(this.query);
    return this.channel.call((client, deadlineMs) => client.count_query(operations, { deadline_ms: deadlineMs }), options);
  }

  /** The first `limit` ids. */
  async ids(limit: number, options: CallOptions = {}): Promise<bigint[]> {
    parseCount(limit, 'limit', 1, Number.MAX_SAFE_INTEGER);
    const ids: bigint[] = [];
    for await (const page of this.pages(options)) {
      for (const id of page.length > limit - ids.length ? page.subarray(0, limit - ids.length) : page) ids.push(id);
      if (ids.length === limit) break;
    }
    return ids;
  }

  /** All ids, page by page; the next page is fetched while one is being used. The deadline is that of each page. */
  async *pages(options: CallOptions = {}): AsyncGenerator<BigInt64Array, void, undefined> {
    let count = firstPageCount;
    let next: Promise<IdPage> | undefined = this.page({ ...options, count });
    while (next !== undefined) {
      const { ids, nextCursor }: IdPage = await next;
      // Most nodes have few edges, and some have very many.
      count = Math.min(count * 4, maxPageCount);
      next = nextCursor === 0n ? undefined : this.page({ ...options, count, cursor: nextCursor });
      // The caller may stop here; then nobody waits for the page under way.
      next?.catch(() => undefined);
      yield ids;
    }
  }

  /** All ids, one by one; `pages` is many times faster where they are wanted in bulk. */
  async *[Symbol.asyncIterator](): AsyncGenerator<bigint, void, undefined> {
    for await (const page of this.pages()) for (const id of page) yield id;
  }

  #combine(kind: 'intersection' | 'union' | 'difference', other: NodeQuery): NodeQuery {
    if (other.channel !== this.channel) throw new RoostError('InvalidArgument', 'only sets of the same client can be combined');
    const query: Query = { kind, left: this.query, right: other.query };
    if (termCount(query) > limits.termsPerQuery) throw new RoostError('InvalidArgument', `a query may have ${limits.termsPerQuery} terms at most`);
    return new NodeQuery(this.channel, query);
  }
}

const termCount = (query: Query): number => (query.kind === 'term' ? 1 : termCount(query.left) + termCount(query.right));

const pageToThrift = ({ count, cursor }: PageOptions): FlockDBTypes.Page => ({
  count: parseCount(count ?? defaultPageCount, 'count', 1, limits.pageSize),
  cursor: parseInt64(cursor ?? -1n, 'cursor'),
});

export interface SetOptions {
  /** Which edges count. Absent: normal ones. */
  readonly states?: readonly EdgeState[];
  /** Only these ids at the other end; at most limits.idsPerCall. */
  readonly among?: Iterable<IdInput>;
}

/** Throws `InvalidArgument`. */
export function nodeQuery(channel: Channel, graphId: number, direction: 'forward' | 'backward', id: IdInput, { states, among }: SetOptions): NodeQuery {
  const sourceId = parseId(id);
  const destinationIds = among === undefined ? undefined : BigInt64Array.from(Array.from(among, (other) => parseId(other)));
  return new NodeQuery(channel, {
    kind: 'term',
    term: { graphId, sourceId, direction, states: states ?? ['normal'], ...(destinationIds === undefined ? {} : { destinationIds }) },
  });
}
