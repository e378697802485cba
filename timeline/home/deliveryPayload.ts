import { RoostError, type Micros } from '../../core/index.js';
import { requirePayloadVersion, type NewJob } from '../../gizzard/index.js';

export const deliveryJobKind = 'timelines.deliver';

/** A tweet on its way to its author's followers. */
export interface Delivery {
  /** `remove`: out of their timelines. `restore`: back into them. */
  readonly op: 'push' | 'remove' | 'restore';
  readonly tweetId: bigint;
  /** Readers before this cursor have it. */
  readonly cursor: bigint;
  /** The time of the delivery, never before the write that causes it. */
  readonly time: Micros;
}

/* u8 version · u8 operation · i64 tweet · i64 cursor · i64 time, little-endian. */
const version = 1;
const bytes = 26;
const timeAt = 18;
const operations = ['push', 'remove', 'restore'] as const;
export const firstCursor = -1n;

/** The first step of a delivery. Without `time` the journal assigns it. */
export const newDelivery = (op: Delivery['op'], tweetId: bigint, time?: Micros): NewJob => ({
  kind: deliveryJobKind,
  payload: encodeDelivery({ op, tweetId, cursor: firstCursor, time: time ?? 0n }),
  ...(time === undefined && { times: { count: 1, offsets: [timeAt] } }),
});

export function encodeDelivery({ op, tweetId, cursor, time }: Delivery): Buffer {
  const payload = Buffer.allocUnsafe(bytes);
  payload.writeUInt8(version, 0);
  payload.writeUInt8(operations.indexOf(op), 1);
  payload.writeBigInt64LE(tweetId, 2);
  payload.writeBigInt64LE(cursor, 10);
  payload.writeBigInt64LE(time, timeAt);
  return payload;
}

/** Throws `DataLoss` for bytes that are no such payload, and `UnknownJob` for a later version. */
export function decodeDelivery(payload: Buffer): Delivery {
  requirePayloadVersion(deliveryJobKind, payload[0], version);
  const op = operations[payload[1] ?? -1];
  if (payload.length !== bytes || op === undefined)
    throw new RoostError(
      'DataLoss',
      `a delivery has ${bytes} bytes and a known operation; this one has ${payload.length}`,
    );
  return {
    op,
    tweetId: payload.readBigInt64LE(2),
    cursor: payload.readBigInt64LE(10),
    time: payload.readBigInt64LE(timeAt),
  };
}
