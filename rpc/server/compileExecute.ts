import { limits, parseId, RoostError, systemMicros, unpackIds, type Micros } from '../../core/index.js';
import type { EdgeWrites, Operation, WriteOptions } from '../../flock/index.js';
import { operationNumbers, priorityNumbers, required, type FlockDBTypes } from '../wire/index.js';

interface EdgeOperation {
  readonly operation: Operation;
  readonly sourceId: bigint;
  readonly destinationId: bigint;
  readonly position: bigint | undefined;
}

/**
 * Turns the operations of FlockDB's `execute` into one write a graph. A term names a node and any number of others, and `is_forward` false
 * means edges that come from the others. Throws `InvalidArgument` before anything is written.
 */
export function compileExecute(request: FlockDBTypes.ExecuteOperations): { writes: EdgeWrites[]; options: WriteOptions } {
  const operations = required(request.operations, 'operations');
  if (operations.length === 0) throw new RoostError('InvalidArgument', 'You must have at least one operation');
  const at = request.execute_at == null ? undefined : BigInt(request.execute_at) * 1_000_000n;

  const graphs = new Map<number, EdgeOperation[]>();
  let edges = 0;
  for (const operation of operations) {
    const graphId = required(required(operation.term, 'term').graph_id, 'graph_id');
    const added = edgeOperations(operation, operation.term);
    edges += added.length;
    if (edges > limits.operationsPerWrite) throw new RoostError('InvalidArgument', `one call may write ${limits.operationsPerWrite} edges at most`);
    graphs.set(graphId, [...(graphs.get(graphId) ?? []), ...added]);
  }
  return {
    writes: [...graphs].map(([graphId, entries]) => toWrites(graphId, entries, at)),
    options: request.priority == null ? {} : { priority: priorityNumbers.toName(request.priority) },
  };
}

function edgeOperations({ operation_type: type, position }: FlockDBTypes.ExecuteOperation, term: FlockDBTypes.QueryTerm): EdgeOperation[] {
  const operation = operationNumbers.toName(required(type, 'operation_type'));
  const node = parseId(required(term.source_id, 'source_id'), 'source_id');
  const forward = required(term.is_forward, 'is_forward');
  if (term.destination_ids == null) {
    throw new RoostError('FailedPrecondition', 'operations on a whole node (a term without destination_ids) are not supported yet');
  }
  if (term.destination_ids.length === 0) throw new RoostError('InvalidArgument', 'destination_ids is empty', { fields: { argument: 'destination_ids' } });
  return Array.from(unpackIds(term.destination_ids), (id) => {
    const other = parseId(id, 'destination_id');
    return { operation, sourceId: forward ? node : other, destinationId: forward ? other : node, position: position ?? undefined };
  });
}

function toWrites(graphId: number, entries: readonly EdgeOperation[], at: Micros | undefined): EdgeWrites {
  const positioned = entries.some(({ position }) => position !== undefined);
  // Positions go for all edges or for none, so those that bring none beside others get what they would have had.
  const defaultPosition = at ?? systemMicros();
  return {
    graphId,
    operations: entries.map(({ operation }) => operation),
    sourceIds: BigInt64Array.from(entries, ({ sourceId }) => sourceId),
    destinationIds: BigInt64Array.from(entries, ({ destinationId }) => destinationId),
    ...(positioned ? { positions: BigInt64Array.from(entries, ({ position }) => position ?? defaultPosition) } : {}),
    ...(at === undefined ? {} : { times: new BigInt64Array(entries.length).fill(at) }),
  };
}
