import { RoostError } from '../../core/index.js';
import { requirePayloadVersion } from '../../gizzard/index.js';

export const deliveryJobKind = 'timelines.deliver';

/** A tweet on its way to those who follow its author. */
export interface Delivery {
  /** `remove`: out of their timelines. `restore`: back into them. */
  readonly op: 'push' | 'remove' | 'restore';
  readonly tweetId: bigint;
  /** Readers before this cursor have it. */
  readonly cursor: bigint;
}

/* u8 version · u8 operation · i64 tweet · i64 cursor, little-endian. */
const version = 1;
const bytes = 18;
const operations = ['push', 'remove', 'restore'] as const;
export const firstCursor = -1n;

export function encodeDelivery({ op, tweetId, cursor }: Delivery): Buffer {
  const payload = Buffer.allocUnsafe(bytes);
  payload.writeUInt8(version, 0);
  payload.writeUInt8(operations.indexOf(op), 1);
  payload.writeBigInt64LE(tweetId, 2);
  payload.writeBigInt64LE(cursor, 10);
  return payload;
}

/** Throws `DataLoss` where the payload is not one of ours, `UnknownJob` where it is of a later version. */
export function decodeDelivery(payload: Buffer): Delivery {
  requirePayloadVersion(deliveryJobKind, payload[0], version);
  const op = operations[payload[1] ?? -1];
  if (payload.length !== bytes || op === undefined)
    throw new RoostError(
      'DataLoss',
      `a delivery has ${bytes} bytes and a known operation; this one has ${payload.length}`,
    );
  return { op, tweetId: payload.readBigInt64LE(2), cursor: payload.readBigInt64LE(10) };
}
