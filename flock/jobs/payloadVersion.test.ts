import { expect, it } from 'vitest';
import { UnknownJob } from '../../gizzard/index.js';
import { decodeEdges, encodeEdges } from './edgePayload.js';
import { decodeNode, encodeNode } from './nodePayload.js';
import { decodeRows, encodeRows } from './rowPayload.js';
import { decodeSweep, encodeSweep } from './sweepPayload.js';

const ids = BigInt64Array.of(1n);
it.each<[string, Buffer, (payload: Buffer) => unknown]>([
  [
    'edges',
    encodeEdges({ graphId: 1, operations: 'add', sourceIds: ids, destinationIds: ids }),
    (payload) => decodeEdges(payload, () => undefined),
  ],
  ['a mass operation', encodeNode({ tableId: 1, id: 1n, rank: 0, time: 1n }), decodeNode],
  ['rows', encodeRows([]), decodeRows],
  ['a sweep', encodeSweep({ tableId: 1, id: 1n, after: undefined }), (payload) => decodeSweep(payload)],
])(
  '%s of a later version are left to servers that know it, and are told apart from corrupt ones',
  (_name, payload, decode) => {
    expect(() => decode(payload)).not.toThrow();
    expect(() => decode(Buffer.of(2))).toThrow(UnknownJob);
    expect(() => decode(Buffer.concat([payload.fill(2, 0, 1), Buffer.alloc(9)]))).toThrow(UnknownJob);
    for (const corrupt of [Buffer.alloc(0), Buffer.of(0), Buffer.of(1, 1)])
      expect(() => decode(corrupt)).toThrow(expect.objectContaining({ code: 'DataLoss' }) as Error);
  },
);
