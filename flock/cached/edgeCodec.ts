import type { Codec } from '../../cache/index.js';
import type { Edge } from '../../wire/index.js';
import { rankOf, stateOfRank } from '../states.js';

const bytes = 4 * 8 + 1;

/* An edge, little-endian: i64 source · i64 destination · i64 position · i64 updated at · u8 rank of its state. */
export const edgeCodec: Codec<Edge> = {
  format: 1,
  encode({ sourceId, destinationId, position, updatedAt, state }) {
    const body = Buffer.allocUnsafe(bytes);
    let at = 0;
    for (const value of [sourceId, destinationId, position, updatedAt]) at = body.writeBigInt64LE(value, at);
    body.writeUInt8(rankOf[state], at);
    return body;
  },
  decode(body, front) {
    if (body.length !== bytes || front.length > 0) return undefined;
    return {
      sourceId: body.readBigInt64LE(0),
      destinationId: body.readBigInt64LE(8),
      position: body.readBigInt64LE(16),
      updatedAt: body.readBigInt64LE(24),
      state: stateOfRank(body.readUInt8(32)),
    };
  },
};
