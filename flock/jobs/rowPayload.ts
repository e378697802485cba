import { RoostError } from '../../core/index.js';
import { requirePayloadVersion } from '../../gizzard/index.js';
import type { EdgeRecord } from '../edgeRecord.js';
import { oneUntouched } from '../nodeRegisters.js';
import { jobKinds } from './kinds.js';

/*
 * Rows in the journal, little-endian: u8 version, then each as
 *   i32 table · i64 source · i64 destination · u8 state · i64 updated · i64 position · i64 positioned · u8 peer's color · i64 peer colored · i64 peer removed through
 */
const version = 1;
const rowBytes = 4 + 8 + 8 + 1 + 8 + 8 + 8 + 1 + 8 + 8;

export function encodeRows(rows: readonly EdgeRecord[]): Buffer {
  const payload = Buffer.allocUnsafe(1 + rows.length * rowBytes);
  let at = payload.writeUInt8(version, 0);
  for (const row of rows) {
    at = payload.writeInt32LE(row.tableId, at);
    at = payload.writeBigInt64LE(row.sourceId, at);
    at = payload.writeBigInt64LE(row.destinationId, at);
    at = payload.writeUInt8(row.ownState, at);
    at = payload.writeBigInt64LE(row.updatedAt, at);
    at = payload.writeBigInt64LE(row.position, at);
    at = payload.writeBigInt64LE(row.positionedAt, at);
    at = payload.writeUInt8(row.peer.color, at);
    at = payload.writeBigInt64LE(row.peer.coloredAt, at);
    at = payload.writeBigInt64LE(row.peer.removedThrough, at);
  }
  return payload;
}

/** Throws `DataLoss` for bytes that are no such payload, and `UnknownJob` for a later version. */
export function decodeRows(payload: Buffer): EdgeRecord[] {
  requirePayloadVersion(jobKinds.rows, payload[0], version);
  const count = (payload.length - 1) / rowBytes;
  if (!Number.isInteger(count)) throw new RoostError('DataLoss', `a job of rows has ${payload.length} bytes`);
  return Array.from({ length: count }, (_, i) => {
    const at = 1 + i * rowBytes;
    return {
      tableId: payload.readInt32LE(at),
      sourceId: payload.readBigInt64LE(at + 4),
      destinationId: payload.readBigInt64LE(at + 12),
      ownState: payload.readUInt8(at + 20),
      updatedAt: payload.readBigInt64LE(at + 21),
      position: payload.readBigInt64LE(at + 29),
      positionedAt: payload.readBigInt64LE(at + 37),
      peer: oneUntouched({
        color: payload.readUInt8(at + 45),
        coloredAt: payload.readBigInt64LE(at + 46),
        removedThrough: payload.readBigInt64LE(at + 54),
      }),
    };
  });
}
