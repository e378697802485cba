import { limits, packIds } from '../core/index.js';
import { checkEntries, edgesFromColumns, stateFromByte, unpackCounts, type Direction, type Edge, type EdgeState, type StateCounts } from '../rpc/wire/index.js';
import type { CallOptions, Channel } from './channel.js';
import { Gatherer } from './gatherer.js';

/** A checked pair of ids. */
export interface Pair {
  readonly sourceId: bigint;
  readonly destinationId: bigint;
}

/** The point reads of one graph, gathered. */
export class GraphReads {
  readonly states: Gatherer<Pair, EdgeState | undefined, CallOptions>;
  readonly edges: Gatherer<Pair, Edge | undefined, CallOptions>;
  readonly counts: Gatherer<bigint, StateCounts, CallOptions & { readonly direction: Direction }>;

  constructor(channel: Channel, graphId: number) {
    this.states = new Gatherer(async (pairs, options) => {
      const sources = packIds(sourcesOf(pairs));
      const destinations = packIds(destinationsOf(pairs));
      const packed = await channel.call((client, deadlineMs) => client.edge_states(graphId, sources, destinations, { deadline_ms: deadlineMs }), options);
      checkEntries(packed.length, pairs.length);
      return Array.from(packed, stateFromByte);
    }, limits.idsPerCall);

    this.edges = new Gatherer(async (pairs, options) => {
      const sources = sourcesOf(pairs);
      const destinations = destinationsOf(pairs);
      const columns = await channel.call(
        (client, deadlineMs) => client.edges(graphId, packIds(sources), packIds(destinations), { deadline_ms: deadlineMs }),
        options,
      );
      return edgesFromColumns(columns, sources, destinations);
    }, limits.idsPerCall);

    this.counts = new Gatherer(async (ids, { direction, ...options }) => {
      const packed = await channel.call((client, deadlineMs) => client.counts(graphId, direction === 'forward', packIds(ids), { deadline_ms: deadlineMs }), options);
      return unpackCounts(packed, ids.length);
    }, limits.idsPerCall);
  }
}

const sourcesOf = (pairs: readonly Pair[]): BigInt64Array => BigInt64Array.from(pairs, (pair) => pair.sourceId);
const destinationsOf = (pairs: readonly Pair[]): BigInt64Array => BigInt64Array.from(pairs, (pair) => pair.destinationId);
