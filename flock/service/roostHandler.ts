import { inTurns, limits, RoostError } from '../../core/index.js';
import { checkAnswerSize, checkQueries, type Caller, readOptions, writeOptions } from '../../server/index.js';
import {
  column,
  edgeListsToThrift,
  edgePageToThrift,
  edgesToColumns,
  edgeWritesFromThrift,
  explanationToThrift,
  idPageToThrift,
  nodesToColumns,
  packCounts,
  packStates,
  queryFromThrift,
  required,
  stateFromFlockdb,
  termFromThrift,
  writeBatchFromThrift,
  type FlockDBTypes,
  type RoostFlockModule,
  type Edge,
  type NewestOf,
} from '../../wire/index.js';
import { type FlockService } from '../flockService.js';
import { pageFromThrift, type FlockdbHandler } from './flockdbHandler.js';

export type RoostHandler = Omit<RoostFlockModule.Client, keyof FlockdbHandler | 'server_info'>;

/** Roost's own methods on a FlockService. Errors are RoostErrors; the caller turns them into RoostException. */
export function roostHandler(flock: FlockService, caller: Caller): RoostHandler {
  const compile = ({ operations, page }: FlockDBTypes.SelectQuery) => ({
    query: queryFromThrift(required(operations, 'operations')),
    page: pageFromThrift(page),
  });

  return {
    async list_graphs() {
      return flock.graphs().map(({ id, name }) => ({ id, name }));
    },
    async write_edges(writes, options) {
      await flock.write(edgeWritesFromThrift(required(writes, 'writes')), writeOptions(options, caller));
    },
    async write_batch(writes, options) {
      if (required(writes, 'writes').length > limits.operationsPerWrite) {
        throw new RoostError(
          'InvalidArgument',
          `a write holds at most ${limits.operationsPerWrite} operations, not ${writes.length}`,
        );
      }
      await flock.execute(writeBatchFromThrift(writes), writeOptions(options, caller));
    },
    async edge_states(graphId, sourceIds, destinationIds, options) {
      const sources = column(sourceIds, 'source_ids');
      const destinations = column(destinationIds, 'destination_ids', sources.length);
      return packStates(
        await flock.states(required(graphId, 'graph_id'), sources, destinations, readOptions(options, caller)),
      );
    },
    async edges(graphId, sourceIds, destinationIds, options) {
      const sources = column(sourceIds, 'source_ids');
      const destinations = column(destinationIds, 'destination_ids', sources.length);
      return edgesToColumns(
        await flock.edges(required(graphId, 'graph_id'), sources, destinations, readOptions(options, caller)),
      );
    },
    async counts(graphId, isForward, ids, options) {
      const direction = required(isForward, 'is_forward') ? 'forward' : 'backward';
      return packCounts(
        await flock.counts(required(graphId, 'graph_id'), direction, column(ids, 'ids'), readOptions(options, caller)),
      );
    },
    async nodes(graphId, isForward, ids, options) {
      const direction = required(isForward, 'is_forward') ? 'forward' : 'backward';
      return nodesToColumns(
        await flock.nodes(required(graphId, 'graph_id'), direction, column(ids, 'ids'), readOptions(options, caller)),
      );
    },
    async select_page(request, options) {
      const { query, page } = compile(required(request, 'query'));
      return idPageToThrift(await flock.select(query, page, readOptions(options, caller)));
    },
    async select_pages(requests, options) {
      checkQueries(required(requests, 'queries'));
      const compiled = await inTurns(requests, compile);
      checkAnswerSize(
        compiled.map(({ page }) => page.count),
        8,
      );
      const read = readOptions(options, caller);
      const pages = await inTurns(compiled, ({ query, page }) => flock.select(query, page, read));
      return pages.map(idPageToThrift);
    },
    async explain(request, options) {
      const { query, page } = compile(required(request, 'query'));
      return explanationToThrift(await flock.explain(query, page, readOptions(options, caller)));
    },
    async count_query(operations, options) {
      return flock.count(queryFromThrift(required(operations, 'operations')), readOptions(options, caller));
    },
    async newest_edges(query, options) {
      const { graph_id, is_forward, ids, count } = required(query, 'query');
      const states = query.state_ids?.map(stateFromFlockdb) ?? [];
      const list: NewestOf = {
        graphId: required(graph_id, 'graph_id'),
        direction: required(is_forward, 'is_forward') ? 'forward' : 'backward',
        states: states.length === 0 ? ['normal'] : states,
        count: required(count, 'count'),
      };
      return edgeListsToThrift(await flock.newest(list, column(ids, 'ids'), readOptions(options, caller)));
    },
    async select_edge_page(request, options) {
      const { page } = required(request, 'query');
      const term = termFromThrift(required(request.term, 'term'));
      const found = await flock.selectEdges(term, pageFromThrift(page), readOptions(options, caller));
      return edgePageToThrift(term.direction === 'forward' ? found : { ...found, edges: found.edges.map(turned) });
    },
    async locate(graphId, id) {
      return flock
        .locate(required(graphId, 'graph_id'), required(id, 'id'))
        .map(({ direction, tableId, hash, baseId, rootShard, leaves }) => ({
          is_forward: direction === 'forward',
          table_id: tableId,
          hash,
          base_id: baseId,
          root_shard: rootShard,
          leaves: leaves.map(({ shard, host, read, write }) => ({
            shard,
            host,
            read_behavior: read,
            write_behavior: write,
          })),
        }));
    },
    async journal_status() {
      const { queued, failing, bad } = await flock.journal();
      return {
        queued_high: BigInt(queued.high),
        queued_medium: BigInt(queued.medium),
        queued_low: BigInt(queued.low),
        failing: BigInt(failing),
        bad: BigInt(bad),
      };
    },
    async journal_time(options) {
      return flock.journalTime(readOptions(options, caller));
    },
  };
}

/** Backward edges come from their table, under the node that they lead to; FlockDB's clients get them so, ours as they stand in the graph. */
const turned = (edge: Edge): Edge => ({ ...edge, sourceId: edge.destinationId, destinationId: edge.sourceId });
