import { limits, packIds } from '../core/index.js';
import {
  checkEntries,
  edgeListsFromThrift,
  edgesFromColumns,
  idPageFromThrift,
  queryToThrift,
  stateFromByte,
  stateToFlockdb,
  turnedEdge,
  unpackCounts,
  type Direction,
  type Edge,
  type EdgeState,
  type IdPage,
  type StateCounts,
} from '../wire/index.js';
import { askInHalves } from './askInHalves.js';
import type { CallOptions } from './channel.js';
import type { GraphChannel } from './graphChannel.js';
import { Gatherer } from './gatherer.js';

/** A checked pair of ids. */
export interface Pair {
  readonly sourceId: bigint;
  readonly destinationId: bigint;
}

/** The kind of list and its length. Only equal ones travel together, so that no node fails for what another asked. */
export interface NewestOptions extends CallOptions {
  readonly direction: Direction;
  readonly states: readonly EdgeState[];
  readonly count: number;
}

/** Lists that travel together, and the longest of them: together they stay within one call's limit. */
const listsPerCall = 300;
export const gatheredCount = limits.edgesPerCall / listsPerCall;

/** The point reads of one graph, gathered. */
export class GraphReads {
  readonly states: Gatherer<Pair, EdgeState | undefined, CallOptions>;
  readonly edges: Gatherer<Pair, Edge | undefined, CallOptions>;
  /** Up to `gatheredCount` edges per node. Edges stand as in the graph. */
  readonly newest: Gatherer<bigint, readonly Edge[], NewestOptions>;
  /** First pages of whole lists, up to `gatheredCount` ids each. */
  readonly firstPages: Gatherer<bigint, IdPage, NewestOptions>;
  readonly counts: Gatherer<bigint, StateCounts, CallOptions & { readonly direction: Direction }>;

  constructor(channel: GraphChannel, graphId: number) {
    this.states = new Gatherer(
      async (pairs, options) => {
        const sources = packIds(sourcesOf(pairs));
        const destinations = packIds(destinationsOf(pairs));
        const packed = await channel.call(
          (client, within) => client.edge_states(graphId, sources, destinations, within),
          options,
        );
        checkEntries(packed.length, pairs.length);
        return Array.from(packed, stateFromByte);
      },
      limits.idsPerCall,
      channel.deadlineMs,
    );

    this.edges = new Gatherer(
      async (pairs, options) => {
        const sources = sourcesOf(pairs);
        const destinations = destinationsOf(pairs);
        const columns = await channel.call(
          (client, within) => client.edges(graphId, packIds(sources), packIds(destinations), within),
          options,
        );
        return edgesFromColumns(columns, sources, destinations);
      },
      limits.idsPerCall,
      channel.deadlineMs,
    );

    this.newest = new Gatherer(
      (nodes, options) => newestOf(channel, graphId, BigInt64Array.from(nodes), options),
      listsPerCall,
      channel.deadlineMs,
    );

    this.firstPages = new Gatherer<bigint, IdPage, NewestOptions>(
      (nodes, { direction, states, count, ...options }) => {
        const deadline = channel.deadline(options);
        return askInHalves(nodes, deadline, async (some) => {
          const requests = some.map((sourceId) => ({
            operations: queryToThrift({ kind: 'term', term: { graphId, sourceId, direction, states } }),
            page: { count, cursor: -1n },
          }));
          const pages = await channel.callWithin(deadline, (client, within) => client.select_pages(requests, within));
          checkEntries(pages.length, some.length);
          return pages.map(idPageFromThrift);
        });
      },
      listsPerCall,
      channel.deadlineMs,
    );

    this.counts = new Gatherer(
      async (ids, { direction, ...options }) => {
        const packed = await channel.call(
          (client, within) => client.counts(graphId, direction === 'forward', packIds(ids), within),
          options,
        );
        return unpackCounts(packed, ids.length);
      },
      limits.idsPerCall,
      channel.deadlineMs,
    );
  }
}

/** The first edges of each node's list, with source and destination as in the graph, in one call. */
export async function newestOf(
  channel: GraphChannel,
  graphId: number,
  ids: BigInt64Array,
  { direction, states, count, ...options }: NewestOptions,
): Promise<Edge[][]> {
  const query = {
    graph_id: graphId,
    is_forward: direction === 'forward',
    state_ids: states.map(stateToFlockdb),
    ids: packIds(ids),
    count,
  };
  const lists = edgeListsFromThrift(
    await channel.call((client, within) => client.newest_edges(query, within), options),
    ids,
  );
  return direction === 'forward' ? lists : lists.map((edges) => edges.map(turnedEdge));
}

const sourcesOf = (pairs: readonly Pair[]): BigInt64Array => BigInt64Array.from(pairs, (pair) => pair.sourceId);
const destinationsOf = (pairs: readonly Pair[]): BigInt64Array =>
  BigInt64Array.from(pairs, (pair) => pair.destinationId);
