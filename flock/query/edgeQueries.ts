import { limits, parseCount } from '../../core/index.js';
import {
  deadlineOf,
  type EdgePage,
  type Explanation,
  type IdPage,
  type PageRequest,
  type Query,
  type ReadOptions,
  type Term,
} from '../../wire/index.js';
import { checkCursor, checkQuery } from '../checks.js';
import type { EdgeReader } from '../edgeReader.js';
import type { EdgeCaches } from '../cached/edgeCaches.js';
import { compile } from './compile.js';
import { edgesByPosition, pageById, pageByPosition, type Heads } from './page.js';
import { QueryRun } from './queryRun.js';
import { readEdges } from '../storage/readEdges.js';

/** A count of a compound query walks at most this many ids; a larger result is estimated. */
const countedIds = limits.pageSize;

/** Queries of edges: pages, counts and explanations. See `FlockService` for what each method promises. */
export class EdgeQueries {
  constructor(
    private readonly reader: EdgeReader,
    private readonly heads: Heads,
    private readonly caches: EdgeCaches | undefined,
  ) {}

  async select(query: Query, page: PageRequest, options: ReadOptions = {}): Promise<IdPage> {
    return this.#page(query, page, new QueryRun(deadlineOf(options)), this.heads);
  }

  async explain(query: Query, page: PageRequest, options: ReadOptions = {}): Promise<Explanation> {
    const deadline = deadlineOf(options);
    const startMs = performance.now();
    const run = new QueryRun(deadline);
    const answer = await this.#page(query, page, run);
    const tookMs = performance.now() - startMs;
    const source = compile(this.reader, query);
    return {
      plan: source.label,
      estimate: await source.estimate(new QueryRun(deadline)),
      page: answer,
      rowsRead: run.rowsRead,
      tookMs,
      steps: run.steps,
    };
  }

  async count(query: Query, options: ReadOptions = {}): Promise<bigint> {
    const run = new QueryRun(deadlineOf(options));
    checkQuery(query);
    const source = compile(this.reader, query);
    if (isWholeList(query)) return source.estimate(run);
    const [walked, estimate] = await Promise.all([
      source.next(undefined, false, countedIds, run),
      source.estimate(run),
    ]);
    return walked.through === undefined ? BigInt(walked.ids.length) : estimate;
  }

  async selectEdges(term: Term, page: PageRequest, options: ReadOptions = {}): Promise<EdgePage> {
    const run = new QueryRun(deadlineOf(options));
    checkPage({ kind: 'term', term }, page);
    if (term.destinationIds === undefined) return edgesByPosition(this.reader, term, page, run, this.heads);
    const { ids, nextCursor, prevCursor } = await pageById(compile(this.reader, { kind: 'term', term }), page, run);
    const pairs = Array.from(ids, (id) => [term.sourceId, id] as const);
    const edges = await this.reader.node(term).read(run, 'probe', ids.length, async (session, tables, left) => {
      const found = await readEdges(session, tables, pairs, left);
      return pairs.map((_, place) => found.get(place)).filter((edge) => edge !== undefined);
    });
    return { edges, nextCursor, prevCursor };
  }

  async #page(query: Query, page: PageRequest, run: QueryRun, heads?: Heads): Promise<IdPage> {
    checkPage(query, page);
    if (query.kind === 'term' && query.term.destinationIds === undefined)
      return pageByPosition(
        this.reader,
        query.term,
        page,
        run,
        heads,
        await this.caches?.newestOf(query.term, page.count, run),
      );
    return pageById(compile(this.reader, query), page, run);
  }
}

function checkPage(query: Query, page: PageRequest): void {
  parseCount(page.count, 'the page count', 1, limits.pageSize);
  checkCursor(page);
  checkQuery(query);
}

/** Whether a query is all of a node's edges in some states, whose number the counters know. */
const isWholeList = (query: Query): boolean =>
  query.kind === 'term' &&
  query.term.destinationIds === undefined &&
  query.term.minPosition === undefined &&
  query.term.maxPosition === undefined;
