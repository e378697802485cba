import { giveWay, inTurns, limits, RoostError, type Micros } from '../../core/index.js';
import { checkQueries, mostPerPage, type Caller, deadlineLeft } from '../../server/index.js';
import {
  idPageToThrift,
  queryFromThrift,
  required,
  stateToFlockdb,
  termFromThrift,
  type FlockDBTypes,
  type RoostFlockModule,
  type Edge,
  type EdgeState,
  type IdPage,
  type Node,
  type PageRequest,
} from '../../wire/index.js';
import { secondOf } from '../wholeSeconds.js';
import { type FlockService } from '../flockService.js';
import { compileExecute } from './compileExecute.js';
import { keepPlaces } from './keepPlaces.js';

const flockdbMethods = [
  'contains',
  'get',
  'get_metadata',
  'contains_metadata',
  'select2',
  'count2',
  'select_edges',
  'execute',
  'count',
  'select',
] as const;

export type FlockdbHandler = Pick<RoostFlockModule.Client, (typeof flockdbMethods)[number]>;

export const isFlockdbMethod = (method: string): boolean => flockdbMethods.some((known) => known === method);

const maxInt32 = 2 ** 31 - 1;
/** An edge in Thrift's binary form: six fields with their heads, and the end. */
const edgeBytes = 55;

/** The FlockDB service on a FlockService. Errors are RoostErrors; the caller turns them into FlockException. */
export function flockdbHandler(flock: FlockService, caller: Pick<Caller, 'closed' | 'waitedMs'>): FlockdbHandler {
  const options = { cancellation: caller.closed };
  const edge = async (sourceId: bigint, graphId: number, destinationId: bigint): Promise<Edge | undefined> => {
    const [found] = await flock.edges(
      required(graphId, 'graph_id'),
      one(sourceId, 'source_id'),
      one(destinationId, 'destination_id'),
      options,
    );
    return found;
  };

  const node = async (sourceId: bigint, graphId: number): Promise<Node | undefined> => {
    const [found] = await flock.nodes(required(graphId, 'graph_id'), 'forward', one(sourceId, 'source_id'), options);
    return found;
  };

  const select2 = async (queries: FlockDBTypes.SelectQuery[]): Promise<FlockDBTypes.Results[]> => {
    checkQueries(required(queries, 'queries'));
    const compiled = await inTurns(queries, ({ operations, page }) => ({
      query: queryFromThrift(required(operations, 'operations')),
      page: clampedPage(page, mostPerPage(queries.length, 8)),
    }));
    const pages = await inTurns(compiled, ({ query, page }) =>
      isEnd(page) ? emptyPage : flock.select(query, page, options),
    );
    return pages.map(idPageToThrift);
  };

  const counts = async (queries: FlockDBTypes.SelectOperation[][]): Promise<number[]> => {
    checkQueries(required(queries, 'queries'));
    const compiled = await inTurns(queries, queryFromThrift);
    return inTurns(compiled, async (query) => toInt32(await flock.count(query, options)));
  };

  return {
    async contains(sourceId, graphId, destinationId) {
      const [state] = await flock.states(
        required(graphId, 'graph_id'),
        one(sourceId, 'source_id'),
        one(destinationId, 'destination_id'),
        options,
      );
      return contained.has(state);
    },
    async get(sourceId, graphId, destinationId) {
      const found = await edge(sourceId, graphId, destinationId);
      if (found === undefined)
        throw new RoostError('NotFound', `Record not found: (${sourceId}, ${graphId}, ${destinationId})`);
      return edgeToThrift(found);
    },
    async get_metadata(sourceId, graphId) {
      const found = await node(sourceId, graphId);
      if (found === undefined) throw new RoostError('NotFound', `Record not found: (${sourceId}, ${graphId})`);
      const { color, coloredAt, removedThrough, counts: byState } = found;
      const updatedAt = coloredAt > removedThrough ? coloredAt : removedThrough;
      return {
        source_id: sourceId,
        state_id: stateToFlockdb(color),
        count: toInt32(byState[color]),
        updated_at: toSeconds(updatedAt),
      };
    },
    async contains_metadata(sourceId, graphId) {
      return (await node(sourceId, graphId)) !== undefined;
    },
    select2,
    async count2(queries) {
      const numbers = await counts(queries);
      const packed = Buffer.allocUnsafe(numbers.length * 4);
      numbers.forEach((number, i) => packed.writeInt32LE(number, i * 4));
      return packed;
    },
    async select_edges(queries) {
      checkQueries(required(queries, 'queries'));
      const most = Math.min(mostPerPage(queries.length, edgeBytes), Math.ceil(limits.answerStructs / queries.length));
      const compiled = await inTurns(queries, ({ term, page }) => ({
        term: termFromThrift(required(term, 'term')),
        page: clampedPage(page, most),
      }));
      const pages = await inTurns(compiled, ({ term, page }) =>
        isEnd(page) ? { ...emptyPage, edges: [] } : flock.selectEdges(term, page, options),
      );
      return inTurns(pages, ({ edges, nextCursor, prevCursor }) => ({
        edges: edges.map(edgeToThrift),
        next_cursor: nextCursor,
        prev_cursor: prevCursor,
      }));
    },
    async execute(operations) {
      const left = deadlineLeft(undefined, caller.waitedMs());
      const { batch, unplaced, options: asked } = compileExecute(required(operations, 'operations'), Date.now());
      // Nothing to do, but in a graph that exists.
      if (batch.length === 0) for (const { term } of operations.operations) flock.locate(term.graph_id, term.source_id);
      else {
        await giveWay();
        await keepPlaces(flock, unplaced);
        await flock.execute(batch, { ...asked, ...options, ...left });
      }
    },
    async count(operations) {
      const [count] = await counts([required(operations, 'operations')]);
      return count!;
    },
    async select(operations, page) {
      const [results] = await select2([{ operations, page }]);
      return results!;
    },
  };
}

/** Clients of FlockDB may go on past the end, and find nothing there; ours are told of the mistake. */
const isEnd = ({ cursor }: PageRequest): boolean => cursor === 0n;
const emptyPage: IdPage = { ids: new BigInt64Array(0), nextCursor: 0n, prevCursor: 0n, partial: false };

const contained: ReadonlySet<EdgeState | undefined> = new Set(['normal', 'negative'] as const);

const one = (id: bigint, name: string): BigInt64Array => BigInt64Array.of(required(id, name));

const toInt32 = (count: bigint): number => Math.min(Number(count), maxInt32);

const toSeconds = (time: Micros): number => toInt32(secondOf(time));

const edgeToThrift = (edge: Edge): FlockDBTypes.Edge => ({
  source_id: edge.sourceId,
  destination_id: edge.destinationId,
  position: edge.position,
  updated_at: toSeconds(edge.updatedAt),
  count: 0,
  state_id: stateToFlockdb(edge.state),
});

export function pageFromThrift(page: FlockDBTypes.Page): PageRequest {
  const { count, cursor } = required(page, 'page');
  return { count: required(count, 'count'), cursor: required(cursor, 'cursor') };
}

/** Clients of FlockDB ask for pages of any size, and go on from what they get. */
function clampedPage(page: FlockDBTypes.Page, most: number): PageRequest {
  const { count, cursor } = pageFromThrift(page);
  return { count: Math.min(count, most), cursor };
}
