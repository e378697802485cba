import { RoostError } from '../../core/index.js';
import { requirePayloadVersion, type FollowUp } from '../../gizzard/index.js';

export const followJobKind = 'timelines.follow';
/** The same job, for a second look: it adds, and takes nothing away. */
export const followLookKind = 'timelines.followLook';

/** A reader who has begun or ceased to follow an author. */
export interface Follow {
  readonly readerId: bigint;
  readonly authorId: bigint;
  /** For an author who is pushed to the reader from now on: the token of the fill that ends the pull. */
  readonly token?: number;
}

/* u8 version · for each pair i64 reader · i64 author · u32 token, 0 for none, little-endian. */
const version = 1;
const pairBytes = 20;

/** A job that updates readers' timelines after changes of whom they follow. */
export const followsChanged = (follows: readonly Follow[]): FollowUp => ({
  kind: followJobKind,
  payload: encodeFollows(follows),
  priority: 'medium',
});

export function encodeFollows(follows: readonly Follow[]): Buffer {
  const payload = Buffer.allocUnsafe(1 + follows.length * pairBytes);
  payload.writeUInt8(version, 0);
  for (const [i, { readerId, authorId, token = 0 }] of follows.entries()) {
    payload.writeBigInt64LE(readerId, 1 + i * pairBytes);
    payload.writeBigInt64LE(authorId, 9 + i * pairBytes);
    payload.writeUInt32LE(token, 17 + i * pairBytes);
  }
  return payload;
}

export function decodeFollows(payload: Buffer): Follow[] {
  requirePayloadVersion(followJobKind, payload[0], version);
  if ((payload.length - 1) % pairBytes !== 0)
    throw new RoostError('DataLoss', `changes of follows with ${payload.length} bytes cannot be read`);
  return Array.from({ length: (payload.length - 1) / pairBytes }, (_, i) => {
    const token = payload.readUInt32LE(17 + i * pairBytes);
    return {
      readerId: payload.readBigInt64LE(1 + i * pairBytes),
      authorId: payload.readBigInt64LE(9 + i * pairBytes),
      ...(token !== 0 && { token }),
    };
  });
}
