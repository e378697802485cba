import { limits, parseId, RoostError, unpackIds } from '../../core/index.js';
import {
  operationNumbers,
  priorityNumbers,
  required,
  type FlockDBTypes,
  type BatchedWrite,
  type EdgeWrites,
  type Operation,
  type WriteBatch,
  type WriteOptions,
} from '../../wire/index.js';
import { operationRank, setsPosition } from '../states.js';
import { timeOfSecond } from '../wholeSeconds.js';

interface EdgeOperation {
  readonly operation: Operation;
  readonly sourceId: bigint;
  readonly destinationId: bigint;
  readonly position: bigint | undefined;
}

/** Edges of a batch that are added or negated without a position, and stand at the default one. */
export interface Unplaced {
  readonly edges: EdgeWrites & { readonly positions: BigInt64Array };
  /** Their places in the columns. */
  readonly places: readonly number[];
}

export interface CompiledExecute {
  /** Empty where no operation names a node or an edge. */
  readonly batch: WriteBatch;
  readonly unplaced: readonly Unplaced[];
  readonly options: WriteOptions;
}

/**
 * Turns the operations of FlockDB's `execute` into one batch. A term names a node and any number of others, and `is_forward` false
 * means edges that come from the others; a term without `destination_ids` is a mass operation on the node, and one with none of them does nothing.
 * `execute_at` is in seconds, as `timeOfSecond` takes them. A position that is not given is the time of `execute_at`, else `nowMs`, in milliseconds.
 * Throws `InvalidArgument` before anything is written.
 */
export function compileExecute(request: FlockDBTypes.ExecuteOperations, nowMs: number): CompiledExecute {
  const operations = required(request.operations, 'operations');
  if (operations.length === 0) throw new RoostError('InvalidArgument', 'You must have at least one operation');
  const seconds = request.execute_at == null ? undefined : BigInt(request.execute_at);
  const timeOf = (operation: Operation): bigint | undefined =>
    seconds === undefined ? undefined : timeOfSecond(operation, seconds);
  const defaultPosition = seconds === undefined ? BigInt(nowMs) : seconds * 1_000n;

  const batch: BatchedWrite[] = [];
  const unplaced: Unplaced[] = [];
  /** Edges by graph, since the last mass operation: between these and edges the order counts. */
  const graphs = new Map<number, EdgeOperation[]>();
  const endRun = (graphId: number): void => {
    const operated = graphs.get(graphId)!;
    const edges = toWrites(graphId, operated, defaultPosition, timeOf);
    batch.push({ edges });
    const places = [...operated.keys()].filter(
      (i) => setsPosition(operationRank[operated[i]!.operation]) && operated[i]!.position === undefined,
    );
    if (places.length > 0) unplaced.push({ edges, places });
    graphs.delete(graphId);
  };
  const endRuns = (): void => {
    for (const graphId of [...graphs.keys()]) endRun(graphId);
  };
  let edgeCount = 0;
  for (const { operation_type: type, term, position } of operations) {
    const operation = operationNumbers.toName(required(type, 'operation_type'));
    const { graph_id, source_id, is_forward, destination_ids, min_position, max_position } = required(term, 'term');
    const graphId = required(graph_id, 'graph_id');
    const node = parseId(required(source_id, 'source_id'), 'source_id');
    const forward = required(is_forward, 'is_forward');
    if (min_position != null || max_position != null)
      throw invalid('an operation cannot be bounded by positions', 'min_position');
    if (destination_ids == null) {
      endRuns();
      const time = timeOf(operation);
      batch.push({
        node: {
          graphId,
          id: node,
          direction: forward ? 'forward' : 'backward',
          operation,
          ...(time === undefined ? {} : { time }),
        },
      });
    } else {
      const others = unpackIds(destination_ids);
      edgeCount += others.length;
      if (edgeCount > limits.edgesPerBatch)
        throw invalid(`one call may hold ${limits.edgesPerBatch} edges at most`, 'destination_ids');
      for (const id of others) {
        const other = parseId(id, 'destination_id');
        const run = graphs.get(graphId) ?? [];
        graphs.set(graphId, run);
        run.push({
          operation,
          sourceId: forward ? node : other,
          destinationId: forward ? other : node,
          position: position ?? undefined,
        });
        if (run.length === limits.operationsPerWrite) endRun(graphId);
      }
    }
    if (batch.length > limits.operationsPerWrite)
      throw invalid(`one call may hold ${limits.operationsPerWrite} mass operations at most`, 'operations');
  }
  endRuns();
  return {
    batch,
    unplaced,
    options: request.priority == null ? {} : { priority: priorityNumbers.toName(request.priority) },
  };
}

function toWrites(
  graphId: number,
  edges: readonly EdgeOperation[],
  defaultPosition: bigint,
  timeOf: (operation: Operation) => bigint | undefined,
): Unplaced['edges'] {
  const times = edges.map(({ operation }) => timeOf(operation)).filter((time) => time !== undefined);
  return {
    graphId,
    operations: edges.map(({ operation }) => operation),
    sourceIds: BigInt64Array.from(edges, ({ sourceId }) => sourceId),
    destinationIds: BigInt64Array.from(edges, ({ destinationId }) => destinationId),
    positions: BigInt64Array.from(edges, ({ position }) => position ?? defaultPosition),
    ...(times.length === 0 ? {} : { times: BigInt64Array.from(times) }),
  };
}

const invalid = (message: string, argument: string): RoostError =>
  new RoostError('InvalidArgument', message, { fields: { argument } });
