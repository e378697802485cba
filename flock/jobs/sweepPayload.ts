import { RoostError } from '../../core/index.js';

/** The part of a node's edges that is still to be brought up to date. */
export interface Sweep {
  readonly tableId: number;
  readonly id: bigint;
  /** The last destination that was; undefined at the start. */
  readonly after: bigint | undefined;
}

/* u8 version · i32 table · i64 node · i64 last destination, −1 at the start; little-endian. */
const version = 1;
const bytes = 21;
const fromStart = -1n;

export function encodeSweep({ tableId, id, after }: Sweep): Buffer {
  const payload = Buffer.allocUnsafe(bytes);
  payload.writeUInt8(version, 0);
  payload.writeInt32LE(tableId, 1);
  payload.writeBigInt64LE(id, 5);
  payload.writeBigInt64LE(after ?? fromStart, 13);
  return payload;
}

/** Throws `DataLoss` where the payload is not one of ours. */
export function decodeSweep(payload: Buffer): Sweep {
  if (payload.length !== bytes || payload.readUInt8(0) !== version) throw new RoostError('DataLoss', 'a job does not hold a sweep in a form that this version knows');
  const after = payload.readBigInt64LE(13);
  return { tableId: payload.readInt32LE(1), id: payload.readBigInt64LE(5), after: after === fromStart ? undefined : after };
}
