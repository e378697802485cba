import { limits, parseId, RoostError, unpackIds, type Micros } from '../../core/index.js';
import type { BatchedWrite, EdgeWrites, Operation, WriteBatch, WriteOptions } from '../../flock/index.js';
import { operationNumbers, priorityNumbers, required, type FlockDBTypes } from '../wire/index.js';

interface EdgeOperation {
  readonly operation: Operation;
  readonly sourceId: bigint;
  readonly destinationId: bigint;
  readonly position: bigint | undefined;
}

/**
 * Turns the operations of FlockDB's `execute` into one batch. A term names a node and any number of others, and `is_forward` false
 * means edges that come from the others; a term that names no others is a mass operation on the node. Throws `InvalidArgument` before
 * anything is written.
 */
export function compileExecute(request: FlockDBTypes.ExecuteOperations): { batch: WriteBatch; options: WriteOptions } {
  const operations = required(request.operations, 'operations');
  if (operations.length === 0) throw new RoostError('InvalidArgument', 'You must have at least one operation');
  const time = request.execute_at == null ? undefined : BigInt(request.execute_at) * 1_000_000n;

  const batch: BatchedWrite[] = [];
  /** Edges by graph, since the last mass operation: between these and edges the order counts. All of a graph's have a position, or none has. */
  const graphs = new Map<number, EdgeOperation[]>();
  const endRun = (graphId: number): void => {
    const edges = graphs.get(graphId);
    if (edges !== undefined) batch.push({ edges: toWrites(graphId, edges, time) });
    graphs.delete(graphId);
  };
  const endRuns = (): void => {
    for (const graphId of [...graphs.keys()]) endRun(graphId);
  };
  let count = 0;
  for (const { operation_type: type, term, position } of operations) {
    const operation = operationNumbers.toName(required(type, 'operation_type'));
    const { graph_id, source_id, is_forward, destination_ids, min_position, max_position } = required(term, 'term');
    const graphId = required(graph_id, 'graph_id');
    const node = parseId(required(source_id, 'source_id'), 'source_id');
    const forward = required(is_forward, 'is_forward');
    if (min_position != null || max_position != null) throw invalid('an operation cannot be bounded by positions', 'min_position');
    if (destination_ids == null) {
      endRuns();
      batch.push({ node: { graphId, id: node, direction: forward ? 'forward' : 'backward', operation, ...(time === undefined ? {} : { time }) } });
      count++;
    } else {
      const others = othersOf(destination_ids);
      count += others.length;
      const placed = position ?? time;
      if ((graphs.get(graphId)?.[0]?.position === undefined) !== (placed === undefined)) endRun(graphId);
      const edges = graphs.get(graphId) ?? [];
      graphs.set(graphId, edges);
      for (const other of others) edges.push({ operation, sourceId: forward ? node : other, destinationId: forward ? other : node, position: placed });
    }
    if (count > limits.operationsPerWrite) throw invalid(`one call may hold ${limits.operationsPerWrite} operations at most`, 'operations');
  }
  endRuns();
  return { batch, options: request.priority == null ? {} : { priority: priorityNumbers.toName(request.priority) } };
}

function othersOf(destinationIds: Buffer): bigint[] {
  const ids = unpackIds(destinationIds);
  if (ids.length === 0) throw invalid('destination_ids is empty', 'destination_ids');
  if (ids.length > limits.operationsPerWrite) throw invalid(`one call may hold ${limits.operationsPerWrite} operations at most`, 'destination_ids');
  return Array.from(ids, (id) => parseId(id, 'destination_id'));
}

function toWrites(graphId: number, edges: readonly EdgeOperation[], time: Micros | undefined): EdgeWrites {
  return {
    graphId,
    operations: edges.map(({ operation }) => operation),
    sourceIds: BigInt64Array.from(edges, ({ sourceId }) => sourceId),
    destinationIds: BigInt64Array.from(edges, ({ destinationId }) => destinationId),
    ...(edges[0]!.position === undefined ? {} : { positions: BigInt64Array.from(edges, ({ position }) => position!) }),
    ...(time === undefined ? {} : { times: new BigInt64Array(edges.length).fill(time) }),
  };
}

const invalid = (message: string, argument: string): RoostError => new RoostError('InvalidArgument', message, { fields: { argument } });
