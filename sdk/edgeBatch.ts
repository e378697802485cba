import { parseId, parseInt64, type IdInput } from '../core/index.js';
import { operationNumbers, type EdgeWrites, type Operation } from '../wire/index.js';

/** What a single write may say of its edge. */
export interface EdgeOptions {
  /** The sort key; used by add and negate. Absent: the time of the write in microseconds. */
  readonly position?: IdInput;
  /** When the write counts as made, in microseconds since 1970. Absent: when it is accepted, later than all that were before. */
  readonly at?: IdInput;
}

/** One edge of a bulk write. */
export interface EdgeInput extends EdgeOptions {
  readonly source: IdInput;
  readonly destination: IdInput;
}

/** A write of one edge, checked. */
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

/** Positions and times go for all edges of a call or for none, so that only edges that bring the same go together. */
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
