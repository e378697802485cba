import { parseId, parseInt64, type IdInput } from '../core/index.js';
import { operationNumbers, type EdgeWrites, type Operation } from '../wire/index.js';

/** Options of a write of one edge. */
export interface EdgeOptions {
  /** The sort key; used by add and negate. Absent: the time of the write, in microseconds. */
  readonly position?: IdInput;
  /** Time of the write, in microseconds since 1970. Absent: the time of acceptance, later than all earlier writes. */
  readonly at?: IdInput;
}

/** One edge of a bulk write. */
export interface EdgeInput extends EdgeOptions {
  readonly source: IdInput;
  readonly destination: IdInput;
}

/** A checked write of one edge. */
export interface EdgeWrite {
  readonly operation: Operation;
  readonly sourceId: bigint;
  readonly destinationId: bigint;
  readonly position: bigint | undefined;
  readonly at: bigint | undefined;
}

/** Throws `InvalidArgument` naming what is wrong. */
export function checkedWrite(
  operation: Operation,
  source: IdInput,
  destination: IdInput,
  { position, at }: EdgeOptions,
): EdgeWrite {
  operationNumbers.toNumber(operation);
  return {
    operation,
    sourceId: parseId(source, 'source'),
    destinationId: parseId(destination, 'destination'),
    position: position === undefined ? undefined : parseInt64(position, 'position'),
    at: at === undefined ? undefined : parseId(at, 'at'),
  };
}

/** A call carries positions, and times, for all of its edges or for none; edges are grouped by what they bring. */
export const shapeOf = ({ position, at }: EdgeWrite): string =>
  (position === undefined ? '' : 'p') + (at === undefined ? '' : 't');

/** Packs writes of one shape into columns. */
export function toColumns(graphId: number, writes: readonly EdgeWrite[]): EdgeWrites {
  const [first] = writes;
  const count = writes.length;
  const sourceIds = new BigInt64Array(count);
  const destinationIds = new BigInt64Array(count);
  const positions = first?.position === undefined ? undefined : new BigInt64Array(count);
  const times = first?.at === undefined ? undefined : new BigInt64Array(count);
  let operations: Operation | Operation[] = first?.operation ?? 'add';
  writes.forEach((write, i) => {
    sourceIds[i] = write.sourceId;
    destinationIds[i] = write.destinationId;
    if (positions !== undefined) positions[i] = write.position!;
    if (times !== undefined) times[i] = write.at!;
    if (write.operation !== first!.operation && typeof operations === 'string')
      operations = writes.map(({ operation }) => operation);
  });
  return {
    graphId,
    operations,
    sourceIds,
    destinationIds,
    ...(positions === undefined ? {} : { positions }),
    ...(times === undefined ? {} : { times }),
  };
}
