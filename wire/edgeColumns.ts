import { inTurns, packIds, RoostError, unpackIds } from '../core/index.js';
import { edgeStates, type Edge, type EdgePage, type EdgeState, type StateCounts } from './values/graph.js';
import type { RoostTypes } from './generated.js';
import { jsonReady, JsonReadyEdge } from './jsonReady.js';
import { stateFromByte, stateToByte } from './states.js';

export function packStates(states: readonly (EdgeState | undefined)[]): Buffer {
  const packed = Buffer.allocUnsafe(states.length);
  for (let i = 0; i < states.length; i++) packed[i] = stateToByte(states[i]);
  return packed;
}

export function edgesToColumns(edges: readonly (Edge | undefined)[]): RoostTypes.EdgeColumns {
  const columns = new Columns(edges.length);
  for (const edge of edges) columns.add(edge);
  return columns.packed();
}

/** Columns that are filled from the first edge to the last. */
class Columns {
  readonly #states: Buffer;
  readonly #positions: BigInt64Array;
  readonly #times: BigInt64Array;
  #filled = 0;

  constructor(count: number) {
    this.#states = Buffer.allocUnsafe(count);
    this.#positions = new BigInt64Array(count);
    this.#times = new BigInt64Array(count);
  }

  /** Absent: there has never been one. */
  add(edge: Edge | undefined): void {
    const place = this.#filled++;
    this.#states[place] = stateToByte(edge?.state);
    if (edge === undefined) return;
    this.#positions[place] = edge.position;
    this.#times[place] = edge.updatedAt;
  }

  packed(): RoostTypes.EdgeColumns {
    return { states: this.#states, positions: packIds(this.#positions), times: packIds(this.#times) };
  }
}

/** The edges of the pairs that were asked for. Throws `DataLoss` where the answer does not have one entry for each. */
export function edgesFromColumns(
  columns: RoostTypes.EdgeColumns,
  sourceIds: BigInt64Array,
  destinationIds: BigInt64Array,
): (Edge | undefined)[] {
  const positions = unpackIds(columns.positions);
  const times = unpackIds(columns.times);
  checkEntries(columns.states.length, sourceIds.length);
  checkEntries(positions.length, sourceIds.length);
  checkEntries(times.length, sourceIds.length);
  return Array.from(sourceIds, (sourceId, i) => {
    const state = stateFromByte(columns.states[i]);
    if (state === undefined) return undefined;
    return new JsonReadyEdge(sourceId, destinationIds[i]!, positions[i]!, times[i]!, state);
  });
}

export const edgePageToThrift = ({ edges, nextCursor, prevCursor }: EdgePage): RoostTypes.EdgePage => ({
  source_ids: packIds(edges.map((edge) => edge.sourceId)),
  destination_ids: packIds(edges.map((edge) => edge.destinationId)),
  columns: edgesToColumns(edges),
  next_cursor: nextCursor,
  prev_cursor: prevCursor,
});

export function edgePageFromThrift(page: RoostTypes.EdgePage): EdgePage {
  const edges = edgesFromColumns(page.columns, unpackIds(page.source_ids), unpackIds(page.destination_ids));
  return jsonReady({
    edges: edges.filter((edge) => edge !== undefined),
    nextCursor: page.next_cursor,
    prevCursor: page.prev_cursor,
  });
}

/** In turns of the event loop: there may be very many edges. */
export async function edgeListsToThrift(lists: readonly (readonly Edge[])[]): Promise<RoostTypes.EdgeLists> {
  const count = lists.reduce((sum, { length }) => sum + length, 0);
  const otherIds = new BigInt64Array(count);
  const columns = new Columns(count);
  let filled = 0;
  await inTurns(lists, (edges) => {
    for (const edge of edges) {
      otherIds[filled++] = edge.destinationId;
      columns.add(edge);
    }
  });
  return {
    lengths: packIds(lists.map(({ length }) => BigInt(length))),
    other_ids: packIds(otherIds),
    columns: columns.packed(),
  };
}

/** An edge that was read from its other end. */
export const turnedEdge = ({ sourceId, destinationId, position, updatedAt, state }: Edge): Edge =>
  new JsonReadyEdge(destinationId, sourceId, position, updatedAt, state);

/** The lists of the nodes that were asked for; an edge's source is the node. Throws `DataLoss` where the answer does not fit together. */
export function edgeListsFromThrift(
  { lengths, other_ids, columns }: RoostTypes.EdgeLists,
  ids: BigInt64Array,
): Edge[][] {
  const counts = Array.from(unpackIds(lengths), Number);
  checkEntries(counts.length, ids.length);
  const otherIds = unpackIds(other_ids);
  const sourceIds = new BigInt64Array(otherIds.length);
  let filled = 0;
  for (const [i, count] of counts.entries()) sourceIds.fill(ids[i]!, filled, (filled += count));
  checkEntries(otherIds.length, filled);
  const edges = edgesFromColumns(columns, sourceIds, otherIds).filter((edge) => edge !== undefined);
  checkEntries(edges.length, filled);
  let start = 0;
  return counts.map((count) => edges.slice(start, (start += count)));
}

/** The counts of a node without edges. */
export const noCounts: StateCounts = { normal: 0n, negative: 0n, archived: 0n, removed: 0n };

/** Four 64-bit integers a node, by rank. */
export function packCounts(counts: readonly StateCounts[]): Buffer {
  const packed = new BigInt64Array(counts.length * edgeStates.length);
  counts.forEach((count, node) => {
    edgeStates.forEach((state, rank) => {
      packed[node * edgeStates.length + rank] = count[state];
    });
  });
  return packIds(packed);
}

/** Throws `DataLoss` where the answer does not have one entry for each of `nodes` nodes. */
export function unpackCounts(packed: Uint8Array, nodes: number): StateCounts[] {
  const values = unpackIds(packed);
  checkEntries(values.length, nodes * edgeStates.length);
  return Array.from({ length: nodes }, (_, node) => {
    const [normal, negative, archived, removed] = values.subarray(node * edgeStates.length) as unknown as [
      bigint,
      bigint,
      bigint,
      bigint,
    ];
    return jsonReady({ normal, negative, archived, removed });
  });
}

/** An answer's length is not the server's word alone: each entry belongs to something that was asked for. */
export function checkEntries(actual: number, expected: number): void {
  if (actual !== expected)
    throw new RoostError('DataLoss', `the answer holds ${actual} entries where ${expected} were asked for`);
}
