import { packIds, RoostError, unpackIds } from '../core/index.js';
import type { EdgeWrites, Operation } from './values/graph.js';
import type { RoostTypes } from './generated.js';
import { operationNumbers } from './operations.js';
import { required } from './required.js';

/** The columns are views of the caller's arrays: they must not change until the message is written. */
export function edgeWritesToThrift(writes: EdgeWrites): RoostTypes.EdgeWrites {
  const { operations } = writes;
  const fields: ConstructorParameters<typeof RoostTypes.EdgeWrites>[0] = {
    graph_id: writes.graphId,
    operations:
      typeof operations === 'string' ? Buffer.of(operationNumbers.toNumber(operations)) : packOperations(operations),
    source_ids: packIds(writes.sourceIds),
    destination_ids: packIds(writes.destinationIds),
    ...(writes.positions === undefined ? {} : { positions: packIds(writes.positions) }),
    ...(writes.times === undefined ? {} : { times: packIds(writes.times) }),
  };
  return fields;
}

/** Throws `InvalidArgument` where the columns do not have the same number of entries, or an operation does not exist. */
export function edgeWritesFromThrift(writes: RoostTypes.EdgeWrites): EdgeWrites {
  const sourceIds = column(writes.source_ids, 'source_ids');
  const checked = (packed: Uint8Array, name: string): BigInt64Array => column(packed, name, sourceIds.length);
  return {
    graphId: required(writes.graph_id, 'graph_id'),
    operations: unpackOperations(required(writes.operations, 'operations'), sourceIds.length),
    sourceIds,
    destinationIds: checked(writes.destination_ids, 'destination_ids'),
    ...(writes.positions == null ? {} : { positions: checked(writes.positions, 'positions') }),
    ...(writes.times == null ? {} : { times: checked(writes.times, 'times') }),
  };
}

/** Unpacks a column of 64-bit integers. Throws `InvalidArgument` where it is missing, or has not `length` entries when that is given. */
export function column(packed: Uint8Array, name: string, length?: number): BigInt64Array {
  const values = unpackIds(required(packed, name));
  if (length !== undefined) checkLength(values.length, name, length);
  return values;
}

function checkLength(actual: number, name: string, expected: number): void {
  if (actual === expected) return;
  throw new RoostError('InvalidArgument', `${name} has ${actual} entries where source_ids has ${expected}`, {
    fields: { argument: name },
  });
}

function packOperations(operations: readonly Operation[]): Buffer {
  const packed = Buffer.allocUnsafe(operations.length);
  for (let i = 0; i < operations.length; i++) packed[i] = operationNumbers.toNumber(operations[i]!);
  return packed;
}

function unpackOperations(packed: Buffer, edges: number): Operation | Operation[] {
  if (packed.length === 1) return operationNumbers.toName(packed[0]!);
  checkLength(packed.length, 'operations', edges);
  return Array.from(packed, (number) => operationNumbers.toName(number));
}
