import { RoostError } from '../../core/index.js';
import { requirePayloadVersion, type JobTimes } from '../../gizzard/index.js';
import { jobKinds } from './kinds.js';

/** A mass operation on all edges of one node of a table. */
export interface NodeOperation {
  readonly tableId: number;
  readonly id: bigint;
  /** The rank of the state that it sets. */
  readonly rank: number;
  readonly time: bigint;
}

/* u8 version · i32 table · i64 node · u8 rank · i64 time, little-endian. */
const version = 1;
const bytes = 22;
const nodeTimeOffset = 14;
/** The time that the journal gives to an operation without its own. */
export const timeOfNode: JobTimes = { count: 1, offsets: [nodeTimeOffset] };

export function encodeNode({ tableId, id, rank, time }: NodeOperation): Buffer {
  const payload = Buffer.allocUnsafe(bytes);
  payload.writeUInt8(version, 0);
  payload.writeInt32LE(tableId, 1);
  payload.writeBigInt64LE(id, 5);
  payload.writeUInt8(rank, 13);
  payload.writeBigInt64LE(time, nodeTimeOffset);
  return payload;
}

/** Throws `DataLoss` for bytes that are no such payload, and `UnknownJob` for a later version. */
export function decodeNode(payload: Buffer): NodeOperation {
  requirePayloadVersion(jobKinds.node, payload[0], version);
  if (payload.length !== bytes)
    throw new RoostError('DataLoss', `a job of a mass operation has ${payload.length} bytes`);
  return {
    tableId: payload.readInt32LE(1),
    id: payload.readBigInt64LE(5),
    rank: payload.readUInt8(13),
    time: payload.readBigInt64LE(nodeTimeOffset),
  };
}
