import { limits, parseCount, parseId, parseInt64, RoostError, type IdInput } from '../core/index.js';
import {
  edgePageFromThrift,
  explanationFromThrift,
  idPageFromThrift,
  jsonReady,
  queryToThrift,
  termToThrift,
  type Edge,
  type EdgePage,
  type EdgeState,
  type Explanation,
  type FlockDBTypes,
  type IdPage,
  type Query,
  type Term,
} from '../wire/index.js';
import type { CallOptions } from './channel.js';
import type { GraphChannel } from './graphChannel.js';
import { fetchAhead } from './fetchAhead.js';
import { gatheredCount, type GraphReads } from './graphReads.js';
import { markCursor, parseCursor } from './pageCursor.js';

export interface PageOptions extends CallOptions {
  /** Ids wanted: 1 … limits.pageSize. Absent: 100. */
  readonly count?: number;
  /** −1 (the default) starts. `next` or `nextCursor` of a page leads on, `previous` or `prevCursor` back. */
  readonly cursor?: IdInput;
}

/**
 * The ends of a page as text, for callers that keep nothing between pages; absent at the ends of the list. Unlike
 * bare numbers, a text from another query is refused with `InvalidArgument`.
 */
interface PageEnds {
  readonly next?: string;
  readonly previous?: string;
}

export interface NodeIdPage extends IdPage, PageEnds {}
export interface NodeEdgePage extends EdgePage, PageEnds {}

export interface CountOfQueryOptions extends CallOptions {
  /** Walk the whole result instead of estimating it. The deadline then holds for each page. */
  readonly exact?: boolean;
}

const defaultPageCount = 100;

/**
 * The ids at the other end of a node's edges, or a combination of such sets. Immutable and lazy: nothing is sent
 * before a result is asked for.
 *
 * A plain set is ordered by position, greatest first; that is newest first unless positions were given. A combined
 * set, or one `among` given ids, is ordered by id, greatest first.
 */
export class NodeQuery implements AsyncIterable<bigint> {
  constructor(
    private readonly channel: GraphChannel,
    private readonly reads: GraphReads,
    private readonly query: Query,
  ) {}

  /** The ids that are in all sets. */
  intersect(...others: readonly NodeQuery[]): NodeQuery {
    return this.#combine('intersection', others);
  }

  /** The ids that are in any of the sets. */
  union(...others: readonly NodeQuery[]): NodeQuery {
    return this.#combine('union', others);
  }

  /** The ids that are in this set and in none of the others. */
  difference(...others: readonly NodeQuery[]): NodeQuery {
    return this.#combine('difference', others);
  }

  /** The same set over edges in any of these states. Plain sets only, like the next two methods. */
  in(...states: readonly EdgeState[]): NodeQuery {
    return this.#narrowed('states', { states });
  }

  /** Only these ids at the other end; at most `limits.idsPerCall`. */
  among(ids: Iterable<IdInput>): NodeQuery {
    return this.#narrowed('given ids', { destinationIds: BigInt64Array.from(Array.from(ids, (id) => parseId(id))) });
  }

  /**
   * Only edges with positions in this range, ends included: a range of time in microseconds, unless positions were
   * given.
   */
  between(minPosition: IdInput, maxPosition: IdInput): NodeQuery {
    return this.#narrowed('a range of positions', {
      minPosition: parseInt64(minPosition, 'minPosition'),
      maxPosition: parseInt64(maxPosition, 'maxPosition'),
    });
  }

  /**
   * One page. First pages of several nodes travel together, as with `newest`. `nextCursor` is 0n at the end;
   * `prevCursor` is negative, or 0n if nothing precedes the page.
   */
  async page(options: PageOptions = {}): Promise<NodeIdPage> {
    const page = this.#pageToThrift(options);
    return this.#marked(await this.#page(page, options));
  }

  /** One page of each query, in one call; the queries run in parallel. */
  static async pages(
    channel: GraphChannel,
    queries: readonly NodeQuery[],
    options: Omit<PageOptions, 'cursor'>,
  ): Promise<NodeIdPage[]> {
    if (queries.length === 0) return [];
    const requests = queries.map((query) => ({
      operations: queryToThrift(query.query),
      page: query.#pageToThrift(options),
    }));
    const results = await channel.call((client, within) => client.select_pages(requests, within), options);
    return results.map((page, i) => queries[i]!.#marked(idPageFromThrift(page)));
  }

  /**
   * One page of whole edges, with source and destination as in the graph. Throws `InvalidArgument` unless the set is
   * plain.
   */
  async edgePage(options: PageOptions = {}): Promise<NodeEdgePage> {
    const page = this.#pageToThrift(options);
    return this.#marked(await this.#edgePage(page, options));
  }

  /**
   * The first `limit` edges of a plain set, which are the newest unless positions were given. Calls for several nodes
   * in the same turn travel together if their sets are whole and of the same states.
   */
  async newest(limit: number, options: CallOptions = {}): Promise<readonly Edge[]> {
    parseCount(limit, 'limit', 1, Number.MAX_SAFE_INTEGER);
    if (this.query.kind === 'term' && this.#isWholeList() && limit <= gatheredCount) {
      const { sourceId, direction, states } = this.query.term;
      return this.reads.newest.load(sourceId, { ...callOptions(options), direction, states, count: limit });
    }
    return this.#take(limit, async (page) => {
      const { edges, nextCursor } = await this.#edgePage(page, options);
      return { entries: edges, nextCursor };
    });
  }

  /** The first `limit` ids. */
  async ids(limit: number, options: CallOptions = {}): Promise<bigint[]> {
    return this.#take(limit, async (page) => {
      const { ids, nextCursor } = await this.#page(page, options);
      return { entries: ids, nextCursor };
    });
  }

  /**
   * The number of ids. Exact for a plain set without bounds; otherwise large sets may be estimated, unless `exact` is
   * set.
   */
  async count({ exact = false, ...options }: CountOfQueryOptions = {}): Promise<bigint> {
    if (exact && !this.#isWholeList()) {
      let count = 0n;
      for await (const { length } of this.pages(options)) count += BigInt(length);
      return count;
    }
    const operations = queryToThrift(this.query);
    return this.channel.call((client, within) => client.count_query(operations, within), options);
  }

  /** A page, and how it was found: plan, estimate, shards touched, rows read. */
  async explain(options: PageOptions = {}): Promise<Explanation> {
    const request = { operations: queryToThrift(this.query), page: this.#pageToThrift(options) };
    return explanationFromThrift(await this.channel.call((client, within) => client.explain(request, within), options));
  }

  /** All ids, page by page; the next page is fetched while one is in use. The deadline holds for each page. */
  async *pages(options: CallOptions = {}): AsyncGenerator<BigInt64Array, void, undefined> {
    for await (const { ids, nextCursor } of fetchAhead((count, cursor) => this.#page({ count, cursor }, options)))
      if (ids.length > 0 || nextCursor === 0n) yield ids;
  }

  /** All whole edges of a plain set, page by page, fetched ahead. */
  async *edgePages(options: CallOptions = {}): AsyncGenerator<readonly Edge[], void, undefined> {
    for await (const { edges } of fetchAhead((count, cursor) => this.#edgePage({ count, cursor }, options)))
      yield edges;
  }

  /** All ids, one by one. `pages` is many times faster for bulk work. */
  async *[Symbol.asyncIterator](): AsyncGenerator<bigint, void, undefined> {
    for await (const page of this.pages()) for (const id of page) yield id;
  }

  async #page(page: FlockDBTypes.Page, options: CallOptions): Promise<IdPage> {
    if (this.query.kind === 'term' && this.#isWholeList() && page.cursor === -1n && page.count <= gatheredCount) {
      const { sourceId, direction, states } = this.query.term;
      return this.reads.firstPages.load(sourceId, { ...callOptions(options), direction, states, count: page.count });
    }
    const request = { operations: queryToThrift(this.query), page };
    return idPageFromThrift(await this.channel.call((client, within) => client.select_page(request, within), options));
  }

  async #edgePage(page: FlockDBTypes.Page, options: CallOptions): Promise<EdgePage> {
    if (this.query.kind !== 'term')
      throw new RoostError('InvalidArgument', 'edges come of one node: a combination of sets has ids only');
    const request = { term: termToThrift(this.query.term), page };
    return edgePageFromThrift(
      await this.channel.call((client, within) => client.select_edge_page(request, within), options),
    );
  }

  async #take<T>(
    limit: number,
    fetch: (page: FlockDBTypes.Page) => Promise<{ readonly entries: Iterable<T>; readonly nextCursor: bigint }>,
  ): Promise<T[]> {
    parseCount(limit, 'limit', 1, Number.MAX_SAFE_INTEGER);
    const taken: T[] = [];
    let cursor = -1n;
    do {
      const { entries, nextCursor } = await fetch({ count: Math.min(limit - taken.length, limits.pageSize), cursor });
      for (const entry of entries) taken.push(entry);
      cursor = nextCursor;
    } while (cursor !== 0n && taken.length < limit);
    return taken;
  }

  #marked<P extends { readonly nextCursor: bigint; readonly prevCursor: bigint }>(page: P): P & PageEnds {
    const next = markCursor(this.query, page.nextCursor);
    const previous = markCursor(this.query, page.prevCursor);
    return jsonReady({
      ...page,
      ...(next === undefined ? {} : { next }),
      ...(previous === undefined ? {} : { previous }),
    });
  }

  #pageToThrift({ count, cursor }: PageOptions): FlockDBTypes.Page {
    return {
      count: parseCount(count ?? defaultPageCount, 'count', 1, limits.pageSize),
      cursor: parseCursor(this.query, cursor ?? -1n),
    };
  }

  /** Whether the server's counters know the size. */
  #isWholeList(): boolean {
    if (this.query.kind !== 'term') return false;
    const { destinationIds, minPosition, maxPosition } = this.query.term;
    return destinationIds === undefined && minPosition === undefined && maxPosition === undefined;
  }

  #narrowed(what: string, change: Partial<Term>): NodeQuery {
    if (this.query.kind !== 'term')
      throw new RoostError(
        'InvalidArgument',
        `${what} are of one node's edges: give them to the sets before they are combined`,
      );
    return new NodeQuery(this.channel, this.reads, { kind: 'term', term: { ...this.query.term, ...change } });
  }

  #combine(kind: 'intersection' | 'union' | 'difference', others: readonly NodeQuery[]): NodeQuery {
    if (others.some((other) => other.channel !== this.channel))
      throw new RoostError('InvalidArgument', 'only sets of the same client can be combined');
    const query = others.reduce<Query>((left, { query: right }) => ({ kind, left, right }), this.query);
    if (termCount(query) > limits.termsPerQuery)
      throw new RoostError('InvalidArgument', `a query may have ${limits.termsPerQuery} terms at most`);
    return new NodeQuery(this.channel, this.reads, query);
  }
}

/** Calls travel together if these are equal; other properties of a caller's object are dropped. */
const callOptions = ({ deadlineMs, signal }: CallOptions): CallOptions => ({
  ...(deadlineMs === undefined ? {} : { deadlineMs }),
  ...(signal === undefined ? {} : { signal }),
});

/** Counts without recursion: an oversized query may also be too deep for the stack. */
function termCount(query: Query): number {
  const waiting = [query];
  let count = 0;
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    if (part.kind === 'term') count++;
    else waiting.push(part.left, part.right);
  }
  return count;
}

export interface SetOptions {
  /** States that count. Absent: normal. */
  readonly states?: readonly EdgeState[];
  /** Only these ids at the other end; at most `limits.idsPerCall`. */
  readonly among?: Iterable<IdInput>;
}

/** Throws `InvalidArgument`. */
export function nodeQuery(
  channel: GraphChannel,
  reads: GraphReads,
  graphId: number,
  direction: 'forward' | 'backward',
  id: IdInput,
  { states, among }: SetOptions,
): NodeQuery {
  const set = new NodeQuery(channel, reads, {
    kind: 'term',
    term: { graphId, sourceId: parseId(id), direction, states: states ?? ['normal'] },
  });
  return among === undefined ? set : set.among(among);
}
