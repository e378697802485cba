import { inParallel, limits, packIds, parseId, RoostError, type IdInput } from '../core/index.js';
import {
  checkEntries,
  edgesFromColumns,
  nodesFromColumns,
  stateFromByte,
  unpackCounts,
  type Direction,
  type Edge,
  type EdgeState,
  type Node,
  type StateCounts,
} from '../wire/index.js';
import type { CallOptions } from './channel.js';
import type { GraphChannel } from './graphChannel.js';
import { newestOf, type NewestOptions } from './graphReads.js';

/** Pairs (source, destination), one by one or as columns. Columns must not change before the answer arrives. */
export type PairSource =
  | Iterable<readonly [source: IdInput, destination: IdInput]>
  | { readonly sourceIds: BigInt64Array; readonly destinationIds: BigInt64Array };

/** Concurrent calls with answers of megabytes each. */
const largeAtOnce = 4;

interface PairColumns {
  readonly sourceIds: BigInt64Array;
  readonly destinationIds: BigInt64Array;
}

/** Throws `InvalidArgument`. */
export function pairColumns(pairs: PairSource): PairColumns {
  if ('sourceIds' in pairs) {
    const { sourceIds, destinationIds } = pairs;
    if (sourceIds.length === destinationIds.length) return pairs;
    throw new RoostError(
      'InvalidArgument',
      `${sourceIds.length} sources and ${destinationIds.length} destinations make no pairs`,
      { fields: { argument: 'destinationIds' } },
    );
  }
  const list = Array.isArray(pairs) ? (pairs as (readonly [IdInput, IdInput])[]) : [...pairs];
  const sourceIds = new BigInt64Array(list.length);
  const destinationIds = new BigInt64Array(list.length);
  for (let i = 0; i < list.length; i++) {
    const [source, destination] = list[i]!;
    sourceIds[i] = parseId(source, 'source');
    destinationIds[i] = parseId(destination, 'destination');
  }
  return { sourceIds, destinationIds };
}

/** Reads of many entries of one graph: up to `limits.idsPerCall` in one call, concurrent calls beyond. */
export class ManyReads {
  constructor(
    private readonly channel: GraphChannel,
    private readonly graphId: number,
  ) {}

  states(pairs: PairColumns, options: CallOptions): Promise<(EdgeState | undefined)[]> {
    return inParts(pairs.sourceIds.length, async (start, end) => {
      const sources = packIds(pairs.sourceIds.subarray(start, end));
      const destinations = packIds(pairs.destinationIds.subarray(start, end));
      const packed = await this.channel.call(
        (client, within) => client.edge_states(this.graphId, sources, destinations, within),
        options,
      );
      checkEntries(packed.length, end - start);
      return Array.from(packed, stateFromByte);
    });
  }

  edges(pairs: PairColumns, options: CallOptions): Promise<(Edge | undefined)[]> {
    return inParts(pairs.sourceIds.length, async (start, end) => {
      const sources = pairs.sourceIds.subarray(start, end);
      const destinations = pairs.destinationIds.subarray(start, end);
      const columns = await this.channel.call(
        (client, within) => client.edges(this.graphId, packIds(sources), packIds(destinations), within),
        options,
      );
      return edgesFromColumns(columns, sources, destinations);
    });
  }

  newest(ids: BigInt64Array, options: NewestOptions): Promise<Edge[][]> {
    const listsPerCall = Math.min(
      limits.idsPerCall,
      Math.max(1, Math.floor(limits.edgesPerCall / (options.count * options.states.length))),
    );
    return inParts(
      ids.length,
      (start, end) => newestOf(this.channel, this.graphId, ids.subarray(start, end), options),
      listsPerCall,
      largeAtOnce,
    );
  }

  counts(ids: BigInt64Array, direction: Direction, options: CallOptions): Promise<StateCounts[]> {
    return inParts(ids.length, async (start, end) => {
      const part = packIds(ids.subarray(start, end));
      return unpackCounts(
        await this.channel.call(
          (client, within) => client.counts(this.graphId, direction === 'forward', part, within),
          options,
        ),
        end - start,
      );
    });
  }

  nodes(ids: BigInt64Array, direction: Direction, options: CallOptions): Promise<(Node | undefined)[]> {
    return inParts(ids.length, async (start, end) => {
      const part = packIds(ids.subarray(start, end));
      return nodesFromColumns(
        await this.channel.call(
          (client, within) => client.nodes(this.graphId, direction === 'forward', part, within),
          options,
        ),
        end - start,
      );
    });
  }
}

async function inParts<T>(
  length: number,
  read: (start: number, end: number) => Promise<T[]>,
  perCall: number = limits.idsPerCall,
  atOnce = Infinity,
): Promise<T[]> {
  if (length === 0) return [];
  if (length <= perCall) return read(0, length);
  const parts = Array.from({ length: Math.ceil(length / perCall) }, () => [] as T[]);
  await inParallel(parts.keys(), atOnce, async (i) => {
    parts[i] = await read(i * perCall, Math.min(length, (i + 1) * perCall));
  });
  return parts.flat();
}
