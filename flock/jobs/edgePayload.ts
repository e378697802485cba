import { packIds, RoostError } from '../../core/index.js';
import { requirePayloadVersion, type JobTimes } from '../../gizzard/index.js';
import type { EdgeWrites } from '../../wire/index.js';
import { neverPositioned, unplaced, type EdgeRecord } from '../edgeRecord.js';
import { untouched } from '../nodeRegisters.js';
import { operationRank, setsPosition } from '../states.js';
import { jobKinds } from './kinds.js';

/**
 * A batch of edge writes in the journal, little-endian, by column:
 * u8 version · u8 flags · i32 graph · u32 count · i64 first time · operation codes (1 or count bytes) · sources ·
 * destinations · [positions] · [times]
 * Without a column of times, edge i has the first time + i; without positions, an edge's position is its time. The
 * position of an archive or remove counts only for edges that no add or negate has placed.
 */
const version = 1;
const headerBytes = 18;
const firstTimeOffset = 10;
const manyOperations = 1;
const withPositions = 2;
const withTimes = 4;
const maxRank = operationRank.remove;

/** The times that the journal gives to edges without their own. */
export const timesOfEdges = (count: number): JobTimes => ({ count, offsets: [firstTimeOffset] });

/** Without a column of times the first time stays open: see `timesOfEdges`. */
export function encodeEdges(writes: EdgeWrites): Buffer {
  const count = writes.sourceIds.length;
  const single = typeof writes.operations === 'string';
  const columns = [writes.sourceIds, writes.destinationIds, writes.positions, writes.times].filter(
    (column) => column !== undefined,
  );
  const operationBytes = single ? 1 : count;
  const payload = Buffer.allocUnsafe(headerBytes + operationBytes + columns.length * count * 8);
  payload.writeUInt8(version, 0);
  payload.writeUInt8(
    (single ? 0 : manyOperations) |
      (writes.positions === undefined ? 0 : withPositions) |
      (writes.times === undefined ? 0 : withTimes),
    1,
  );
  payload.writeInt32LE(writes.graphId, 2);
  payload.writeUInt32LE(count, 6);
  payload.writeBigInt64LE(0n, firstTimeOffset);
  if (typeof writes.operations === 'string') payload.writeUInt8(operationRank[writes.operations], headerBytes);
  else
    for (const [i, operation] of writes.operations.entries())
      payload.writeUInt8(operationRank[operation], headerBytes + i);
  let offset = headerBytes + operationBytes;
  for (const column of columns) {
    payload.set(packIds(column), offset);
    offset += count * 8;
  }
  return payload;
}

/**
 * Calls `add` with both records of each edge, forward first. Throws `DataLoss` for bytes that are no such payload,
 * and `UnknownJob` for a later version.
 */
export function decodeEdges(payload: Buffer, add: (record: EdgeRecord) => void): void {
  requirePayloadVersion(jobKinds.edges, payload[0], version);
  if (payload.length < headerBytes) throw new RoostError('DataLoss', `a job of edges has ${payload.length} bytes`);
  const flags = payload.readUInt8(1);
  const graphId = payload.readInt32LE(2);
  const count = payload.readUInt32LE(6);
  const firstTime = payload.readBigInt64LE(firstTimeOffset);
  const operationBytes = (flags & manyOperations) === 0 ? 1 : count;
  const sources = headerBytes + operationBytes;
  const destinations = sources + count * 8;
  const positions = destinations + count * 8;
  const times = positions + ((flags & withPositions) === 0 ? 0 : count * 8);
  if (payload.length !== times + ((flags & withTimes) === 0 ? 0 : count * 8))
    throw new RoostError('DataLoss', `a job of ${count} edges has ${payload.length} bytes`);
  for (let i = 0; i < count; i++) {
    const sourceId = payload.readBigInt64LE(sources + i * 8);
    const destinationId = payload.readBigInt64LE(destinations + i * 8);
    const ownState = payload.readUInt8(headerBytes + (operationBytes === 1 ? 0 : i));
    const updatedAt = (flags & withTimes) === 0 ? firstTime + BigInt(i) : payload.readBigInt64LE(times + i * 8);
    if (ownState > maxRank || sourceId < 0n || destinationId < 0n)
      throw new RoostError('DataLoss', `edge ${i} of a job, from ${sourceId} to ${destinationId}, is invalid`);
    const placed = setsPosition(ownState);
    const position =
      (flags & withPositions) !== 0 ? payload.readBigInt64LE(positions + i * 8) : placed ? updatedAt : unplaced;
    const positionedAt = placed ? updatedAt : neverPositioned;
    const registers = { ownState, updatedAt, position, positionedAt, peer: untouched };
    add({ tableId: graphId, sourceId, destinationId, ...registers });
    add({ tableId: -graphId, sourceId: destinationId, destinationId: sourceId, ...registers });
  }
}
