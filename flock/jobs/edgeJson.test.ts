import { describe, expect, it } from 'vitest';
import { encodeEdges } from './edgePayload.js';
import { edgesFromJson, edgesToJson } from './edgeJson.js';
import { ShardDatabase } from '../../mysql/index.js';
import { FlockTables } from '../storage/flockTables.js';
import { tablesAlone } from '../storage/edgeWriter.js';
import { edgeJob } from './edgeJob.js';

const big = 2n ** 62n + 1n;

it('writes edges as readable JSON, and reads the same job from it', async () => {
  const payload = encodeEdges({
    graphId: 3,
    operations: ['add', 'negate', 'archive', 'remove'],
    sourceIds: BigInt64Array.of(big, 1n, 2n, 3n),
    destinationIds: BigInt64Array.of(4n, big, 6n, 7n),
    positions: BigInt64Array.of(-8n, 9n, 0n, 0n),
    times: BigInt64Array.of(10n, 11n, 12n, 13n),
  });
  const json = edgesToJson(payload);
  expect(json).toEqual({
    graph: 3,
    edges: [
      { operation: 'add', source: String(big), destination: '4', position: '-8', time: '10' },
      { operation: 'negate', source: '1', destination: String(big), position: '9', time: '11' },
      { operation: 'archive', source: '2', destination: '6', time: '12' },
      { operation: 'remove', source: '3', destination: '7', time: '13' },
    ],
  });
  const { payload: again, times } = await edgesFromJson(json);
  expect([edgesToJson(again), times]).toEqual([json, undefined]);
});

it('accepts plain numbers, and leaves missing times to the journal', async () => {
  const { payload, times } = await edgesFromJson({
    graph: 1,
    edges: [
      { source: 1, destination: 2 },
      { source: 1, destination: 3, operation: 'remove' },
    ],
  });
  expect(times).toEqual({ count: 2, offsets: [10] });
  payload.writeBigInt64LE(77n, times!.offsets[0]);
  expect(edgesToJson(payload)).toEqual({
    graph: 1,
    edges: [
      { operation: 'add', source: '1', destination: '2', position: '77', time: '77' },
      { operation: 'remove', source: '1', destination: '3', time: '78' },
    ],
  });
  const placed = await edgesFromJson({
    graph: 1,
    edges: [
      { source: 1, destination: 2, position: 5 },
      { source: 1, destination: 3, operation: 'archive' },
    ],
  });
  expect(edgesToJson(placed.payload)).toMatchObject({ edges: [{ position: '5' }, { operation: 'archive' }] });
});

const edge = { source: 1, destination: 2 };
describe('bad edges', () => {
  const cases: [what: string, json: unknown, message: RegExp][] = [
    ['nothing', null, /expected object/],
    ['no graph', { edges: [edge] }, /graph/],
    ['no edges', { graph: 1, edges: [] }, /edges/],
    ['an unknown key', { graph: 1, edges: [{ ...edge, weight: 1 }] }, /edges\.0/],
    ['an unknown operation', { graph: 1, edges: [{ ...edge, operation: 'follow' }] }, /edges\.0\.operation/],
    ['an id that is no integer', { graph: 1, edges: [{ ...edge, source: '1e3' }] }, /edges\.0\.source/],
    ['a number that is not exact', { graph: 1, edges: [{ ...edge, source: 2 ** 60 }] }, /edges\.0\.source/],
    [
      'a negative id',
      { graph: 1, edges: [{ ...edge, destination: -1 }] },
      /edges\.0\.destination must be from 0 to 9223372036854775807/,
    ],
    [
      'an id past 64 bits',
      { graph: 1, edges: [{ ...edge, destination: '9223372036854775808' }] },
      /edges\.0\.destination/,
    ],
    ['a time for some', { graph: 1, edges: [{ ...edge, time: 1 }, edge] }, /all of them bring a time, or none/],
    [
      'a position for some',
      { graph: 1, edges: [{ ...edge, position: 1 }, edge] },
      /all of them bring a position, or none/,
    ],
    ['a bad one behind many', { graph: 1, edges: [...new Array<object>(2_500).fill(edge), {}] }, /edges\.2500\.source/],
    ['a negative time', { graph: 1, edges: [{ ...edge, time: -1 }] }, /edges\.0\.time/],
  ];
  it.each(cases)('%s', async (_what, json, message) => {
    await expect(edgesFromJson(json)).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringMatching(message) as string,
    });
  });
});

it('refuses a payload with an invalid edge', () => {
  const payload = encodeEdges({
    graphId: 1,
    operations: 'add',
    sourceIds: BigInt64Array.of(1n),
    destinationIds: BigInt64Array.of(2n),
  });
  payload.writeUInt8(9, 18);
  expect(() =>
    edgeJob(new FlockTables(new ShardDatabase('x')), tablesAlone).split(payload, () => undefined, 1),
  ).toThrow(expect.objectContaining({ code: 'DataLoss' }) as Error);
});
