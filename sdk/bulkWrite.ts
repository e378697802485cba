import { inParallel, limits, RoostError } from '../core/index.js';
import type { EdgeWrites, Operation } from '../wire/index.js';
import { checkedWrite, shapeOf, toColumns, type EdgeInput, type EdgeWrite } from './edgeBatch.js';

/** Edges as columns: entry i of each column belongs to edge i. The fastest way to write: no object per edge. */
export interface EdgeColumns {
  readonly sourceIds: BigInt64Array;
  readonly destinationIds: BigInt64Array;
  /** Absent: the operation that the call names. */
  readonly operations?: readonly Operation[];
  /** Absent: the time of the write in microseconds. */
  readonly positions?: BigInt64Array;
  /** Microseconds since 1970. Absent: the time of acceptance, later than all earlier writes. */
  readonly times?: BigInt64Array;
}

export type EdgeSource =
  | Iterable<EdgeInput | readonly [EdgeInput['source'], EdgeInput['destination']]>
  | AsyncIterable<EdgeInput | readonly [EdgeInput['source'], EdgeInput['destination']]>;

type Send = (writes: EdgeWrites) => Promise<void>;

/**
 * Writes edges as they arrive, in calls of `limits.bulkWriteEdges`. Returns how many were acknowledged, which is all
 * of them.
 */
export async function writeEdges(
  graphId: number,
  operation: Operation,
  edges: EdgeSource,
  send: Send,
): Promise<number> {
  async function* batches(): AsyncGenerator<readonly EdgeWrite[]> {
    const byShape = new Map<string, EdgeWrite[]>();
    for await (const edge of edges) {
      const checked = isPair(edge)
        ? checkedWrite(operation, edge[0], edge[1], {})
        : checkedWrite(operation, edge.source, edge.destination, edge);
      const shape = shapeOf(checked);
      const batch = byShape.get(shape) ?? [];
      if (batch.push(checked) < limits.bulkWriteEdges) byShape.set(shape, batch);
      else {
        byShape.delete(shape);
        yield batch;
      }
    }
    yield* byShape.values();
  }
  let written = 0;
  await inParallel(batches(), limits.bulkWriteInFlight, async (batch) => {
    await send(toColumns(graphId, batch));
    written += batch.length;
  });
  return written;
}

/** Writes columns of any length in calls of `limits.bulkWriteEdges`, without copying them. */
export async function writeColumns(
  graphId: number,
  operation: Operation,
  columns: EdgeColumns,
  send: Send,
): Promise<void> {
  const { sourceIds, destinationIds, operations, positions, times } = columns;
  for (const [name, column] of Object.entries({ destinationIds, operations, positions, times })) {
    if (column !== undefined && column.length !== sourceIds.length) {
      throw new RoostError(
        'InvalidArgument',
        `${name} has ${column.length} entries where sourceIds has ${sourceIds.length}`,
        { fields: { argument: name } },
      );
    }
  }
  function* batches(): Generator<EdgeWrites> {
    for (let start = 0; start < sourceIds.length; start += limits.bulkWriteEdges) {
      const part = (column: BigInt64Array): BigInt64Array => column.subarray(start, start + limits.bulkWriteEdges);
      yield {
        graphId,
        operations: operations?.slice(start, start + limits.bulkWriteEdges) ?? operation,
        sourceIds: part(sourceIds),
        destinationIds: part(destinationIds),
        ...(positions === undefined ? {} : { positions: part(positions) }),
        ...(times === undefined ? {} : { times: part(times) }),
      };
    }
  }
  await inParallel(batches(), limits.bulkWriteInFlight, send);
}

const isPair = <T extends readonly unknown[]>(edge: EdgeInput | T): edge is T => Array.isArray(edge);
