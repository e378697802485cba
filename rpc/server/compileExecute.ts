import { limits, parseId, RoostError, systemMicros, unpackIds, type HybridClock, type Micros } from '../../core/index.js';
import type { EdgeWrites, NodeWrite, Operation, WriteBatch, WriteOptions } from '../../flock/index.js';
import { operationNumbers, priorityNumbers, required, type FlockDBTypes } from '../wire/index.js';

interface EdgeOperation {
  readonly operation: Operation;
  readonly sourceId: bigint;
  readonly destinationId: bigint;
  readonly position: bigint | undefined;
  readonly time: Micros | undefined;
}

/**
 * Turns the operations of FlockDB's `execute` into one batch. A term names a node and any number of others, and `is_forward` false
 * means edges that come from the others; a term that names no others is a mass operation on the node. Throws `InvalidArgument` before
 * anything is written.
 */
export function compileExecute(request: FlockDBTypes.ExecuteOperations, clock: HybridClock): { batch: WriteBatch; options: WriteOptions } {
  const operations = required(request.operations, 'operations');
  if (operations.length === 0) throw new RoostError('InvalidArgument', 'You must have at least one operation');
  const at = request.execute_at == null ? undefined : BigInt(request.execute_at) * 1_000_000n;
  const isMass = operations.map(({ term }) => required(term, 'term').destination_ids == null);
  // Between edges and mass operations the order counts; a batch knows it by times only.
  const mixed = isMass.includes(true) && isMass.includes(false);
  const timeOf = (): Micros | undefined => at ?? (mixed ? clock.now() : undefined);

  const graphs = new Map<number, EdgeOperation[]>();
  const nodes: NodeWrite[] = [];
  let count = 0;
  for (const [i, { operation_type: type, term, position }] of operations.entries()) {
    const operation = operationNumbers.toName(required(type, 'operation_type'));
    const graphId = required(term.graph_id, 'graph_id');
    const node = parseId(required(term.source_id, 'source_id'), 'source_id');
    const forward = required(term.is_forward, 'is_forward');
    if (term.min_position != null || term.max_position != null) throw invalid('an operation cannot be bounded by positions', 'min_position');
    if (isMass[i] === true) {
      const time = timeOf();
      nodes.push({ graphId, id: node, direction: forward ? 'forward' : 'backward', operation, ...(time === undefined ? {} : { time }) });
      count++;
    } else {
      const others = othersOf(term);
      count += others.length;
      const edges = graphs.get(graphId) ?? [];
      graphs.set(graphId, edges);
      for (const other of others) {
        edges.push({ operation, sourceId: forward ? node : other, destinationId: forward ? other : node, position: position ?? undefined, time: timeOf() });
      }
    }
    if (count > limits.operationsPerWrite) throw invalid(`one call may hold ${limits.operationsPerWrite} operations at most`, 'operations');
  }
  return {
    batch: { edges: [...graphs].map(([graphId, edges]) => toWrites(graphId, edges)), nodes },
    options: request.priority == null ? {} : { priority: priorityNumbers.toName(request.priority) },
  };
}

function othersOf(term: FlockDBTypes.QueryTerm): bigint[] {
  const ids = unpackIds(required(term.destination_ids, 'destination_ids'));
  if (ids.length === 0) throw invalid('destination_ids is empty', 'destination_ids');
  if (ids.length > limits.operationsPerWrite) throw invalid(`one call may hold ${limits.operationsPerWrite} operations at most`, 'destination_ids');
  return Array.from(ids, (id) => parseId(id, 'destination_id'));
}

function toWrites(graphId: number, edges: readonly EdgeOperation[]): EdgeWrites {
  const positioned = edges.some(({ position }) => position !== undefined);
  // Times and positions go for all edges or for none, so that those that bring no position beside others get what they would have had.
  const defaultPosition = systemMicros();
  return {
    graphId,
    operations: edges.map(({ operation }) => operation),
    sourceIds: BigInt64Array.from(edges, ({ sourceId }) => sourceId),
    destinationIds: BigInt64Array.from(edges, ({ destinationId }) => destinationId),
    ...(positioned ? { positions: BigInt64Array.from(edges, ({ position, time }) => position ?? time ?? defaultPosition) } : {}),
    ...(edges[0]?.time === undefined ? {} : { times: BigInt64Array.from(edges, ({ time }) => time!) }),
  };
}

const invalid = (message: string, argument: string): RoostError => new RoostError('InvalidArgument', message, { fields: { argument } });
