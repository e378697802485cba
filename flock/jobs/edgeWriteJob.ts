import type { NewJob } from '../../gizzard/index.js';
import type { Operation } from '../../wire/index.js';
import { encodeEdges } from './edgePayload.js';
import { jobKinds } from './kinds.js';
import { encodeSweep } from './sweepPayload.js';

/** A write of one edge with its own time. */
export interface EdgeChange {
  readonly operation: Operation;
  readonly sourceId: bigint;
  readonly destinationId: bigint;
  /** For archives and removes: holds until an add or negate places the edge. */
  readonly position: bigint;
  readonly time: bigint;
}

/**
 * The job that writes some edges of a graph, for stores that own a graph and journal its writes together with their
 * own.
 */
export const edgeWriteJob = (graphId: number, changes: readonly EdgeChange[]): NewJob => ({
  kind: jobKinds.edges,
  payload: encodeEdges({
    graphId,
    operations: changes.map(({ operation }) => operation),
    sourceIds: BigInt64Array.from(changes, ({ sourceId }) => sourceId),
    destinationIds: BigInt64Array.from(changes, ({ destinationId }) => destinationId),
    positions: BigInt64Array.from(changes, ({ position }) => position),
    times: BigInt64Array.from(changes, ({ time }) => time),
  }),
});

/** Jobs that recount the edges of both ends, for stores that have repaired rows without counting them. */
export const recountJobs = (
  graphId: number,
  ends: readonly { readonly sourceId: bigint; readonly destinationId: bigint }[],
): NewJob[] => {
  const nodes = [...new Set(ends.map(({ sourceId }) => sourceId))].map((id) => ({ tableId: graphId, id }));
  const others = [...new Set(ends.map(({ destinationId }) => destinationId))].map((id) => ({ tableId: -graphId, id }));
  return [...nodes, ...others].map((node) => ({
    kind: jobKinds.recount,
    payload: encodeSweep({ ...node, after: undefined }),
  }));
};
