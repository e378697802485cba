import { RoostError } from '../../core/index.js';
import { requirePayloadVersion } from '../../gizzard/index.js';
import { jobKinds } from './kinds.js';

/** The rest of a node's edges that await an update. */
export interface Sweep {
  readonly tableId: number;
  readonly id: bigint;
  /** The last updated destination; undefined at the start. */
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

/** Throws `DataLoss` for bytes that are no such payload, and `UnknownJob` for a later version. */
export function decodeSweep(payload: Buffer, kind: string = jobKinds.sweep): Sweep {
  requirePayloadVersion(kind, payload[0], version);
  if (payload.length !== bytes) throw new RoostError('DataLoss', `a job of a sweep has ${payload.length} bytes`);
  const after = payload.readBigInt64LE(13);
  return {
    tableId: payload.readInt32LE(1),
    id: payload.readBigInt64LE(5),
    after: after === fromStart ? undefined : after,
  };
}
