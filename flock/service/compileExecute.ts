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

/** Edges of a batch that are added or negated without a position, and get the default one. */
export interface Unplaced {
  readonly edges: EdgeWrites & { readonly positions: BigInt64Array };
  /** Their indexes in the columns. */
  readonly places: readonly number[];
}

/** Room for the edges of a small call. */
const firstEdges = 16;

export interface CompiledExecute {
  /** Empty if no operation names a node or an edge. */
  readonly batch: WriteBatch;
  readonly unplaced: readonly Unplaced[];
  readonly options: WriteOptions;
}

/**
 * Turns the operations of FlockDB's `execute` into one batch. A term names a node and any number of others;
 * `is_forward` false means edges from the others. A term without `destination_ids` is a mass operation; one with an
 * empty list does nothing. `execute_at` is in seconds, see `timeOfSecond`. Without a position, an edge's position is
 * the time of `execute_at`, else `nowMs`, in milliseconds. Throws `InvalidArgument` before anything is written.
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
  /** Edges by graph since the last mass operation; across one, order matters. */
  const graphs = new Map<number, EdgeRun>();
  const endRun = (graphId: number): void => {
    const run = graphs.get(graphId)!.end();
    batch.push({ edges: run.edges });
    if (run.places.length > 0) unplaced.push(run);
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
      const time = timeOf(operation);
      let run = graphs.get(graphId);
      for (const id of others) {
        const other = parseId(id, 'destination_id');
        if (run === undefined) graphs.set(graphId, (run = new EdgeRun(graphId)));
        const [source, destination] = forward ? [node, other] : [other, node];
        run.push(operation, source, destination, position ?? undefined, defaultPosition, time);
        if (run.length < limits.operationsPerWrite) continue;
        endRun(graphId);
        run = undefined;
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

/** Edges of one graph in growing columns: an object for each edge of a large call would block the server. */
class EdgeRun {
  readonly #operations: Operation[] = [];
  readonly #times: bigint[] = [];
  readonly #unplaced: number[] = [];
  #sourceIds = new BigInt64Array(firstEdges);
  #destinationIds = new BigInt64Array(firstEdges);
  #positions = new BigInt64Array(firstEdges);

  constructor(private readonly graphId: number) {}

  get length(): number {
    return this.#operations.length;
  }

  /** `position` absent: `defaultPosition`. */
  push(
    operation: Operation,
    sourceId: bigint,
    destinationId: bigint,
    position: bigint | undefined,
    defaultPosition: bigint,
    time: bigint | undefined,
  ): void {
    const place = this.#operations.push(operation) - 1;
    if (place === this.#sourceIds.length) {
      this.#sourceIds = grown(this.#sourceIds);
      this.#destinationIds = grown(this.#destinationIds);
      this.#positions = grown(this.#positions);
    }
    this.#sourceIds[place] = sourceId;
    this.#destinationIds[place] = destinationId;
    this.#positions[place] = position ?? defaultPosition;
    if (time !== undefined) this.#times.push(time);
    if (position === undefined && setsPosition(operationRank[operation])) this.#unplaced.push(place);
  }

  end(): Unplaced {
    const { length } = this;
    return {
      edges: {
        graphId: this.graphId,
        operations: this.#operations,
        sourceIds: this.#sourceIds.slice(0, length),
        destinationIds: this.#destinationIds.slice(0, length),
        positions: this.#positions.slice(0, length),
        ...(this.#times.length === 0 ? {} : { times: BigInt64Array.from(this.#times) }),
      },
      places: this.#unplaced,
    };
  }
}

function grown(column: BigInt64Array<ArrayBuffer>): BigInt64Array<ArrayBuffer> {
  const larger = new BigInt64Array(Math.min(2 * column.length, limits.operationsPerWrite));
  larger.set(column);
  return larger;
}

const invalid = (message: string, argument: string): RoostError =>
  new RoostError('InvalidArgument', message, { fields: { argument } });
