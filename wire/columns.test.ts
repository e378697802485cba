import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packIds } from '../core/index.js';
import { edgeStates, type Edge, type EdgeWrites, type Operation } from './values/graph.js';
import {
  edgeListsFromThrift,
  edgeListsToThrift,
  edgePageFromThrift,
  edgePageToThrift,
  edgesFromColumns,
  edgesToColumns,
  packCounts,
  packStates,
  unpackCounts,
} from './edgeColumns.js';
import { edgeWritesFromThrift, edgeWritesToThrift } from './edgeWrites.js';
import type { RoostTypes } from './generated.js';
import { stateFromByte, stateFromFlockdb, stateToByte, stateToFlockdb } from './states.js';

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const id = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const state = fc.constantFrom(...edgeStates);
const operation = fc.constantFrom<Operation[]>('add', 'remove', 'archive', 'negate');
const edge: fc.Arbitrary<Edge> = fc.record({ sourceId: id, destinationId: id, position: int64, updatedAt: id, state });

it('numbers the states by rank in columns, and as FlockDB does in its structs', () => {
  expect(edgeStates.map(stateToByte)).toEqual([1, 2, 3, 4]);
  expect(edgeStates.map((each) => stateFromByte(stateToByte(each)))).toEqual(edgeStates);
  expect(stateFromByte(stateToByte(undefined))).toBeUndefined();
  expect(edgeStates.map(stateToFlockdb)).toEqual([0, 3, 2, 1]);
  expect(edgeStates.map((each) => stateFromFlockdb(stateToFlockdb(each)))).toEqual(edgeStates);
  expect(() => stateFromByte(5)).toThrow(expect.objectContaining({ code: 'DataLoss' }) as Error);
});

describe('edge writes', () => {
  const writes = fc
    .array(fc.record({ source: id, destination: id, position: int64, time: id, operation }), { maxLength: 50 })
    .chain((edges) =>
      fc.record({
        graphId: fc.constant(3),
        operations: fc.oneof(operation, fc.constant(edges.map((each) => each.operation))),
        sourceIds: fc.constant(BigInt64Array.from(edges, (each) => each.source)),
        destinationIds: fc.constant(BigInt64Array.from(edges, (each) => each.destination)),
        positions: fc.constantFrom(
          undefined,
          BigInt64Array.from(edges, (each) => each.position),
        ),
        times: fc.constantFrom(
          undefined,
          BigInt64Array.from(edges, (each) => each.time),
        ),
      }),
    );

  it('cross the wire unchanged', () => {
    fc.assert(
      fc.property(writes, ({ positions, times, ...rest }) => {
        const given: EdgeWrites = {
          ...rest,
          ...(positions === undefined ? {} : { positions }),
          ...(times === undefined ? {} : { times }),
        };
        const taken = edgeWritesFromThrift(edgeWritesToThrift(given));
        // One operation for each of one edge, and one for all, are the same bytes.
        const operations = given.operations.length === 1 ? given.operations[0] : given.operations;
        expect(taken).toEqual({ ...given, operations });
      }),
    );
  });

  const good = {
    graph_id: 1,
    operations: Buffer.of(1),
    source_ids: Buffer.alloc(16),
    destination_ids: Buffer.alloc(16),
  };
  it.each([
    ['destination_ids has 1 entries where source_ids has 2', { ...good, destination_ids: Buffer.alloc(8) }],
    ['positions has 0 entries', { ...good, positions: Buffer.alloc(0) }],
    ['times has 3 entries', { ...good, times: Buffer.alloc(24) }],
    ['operations has 3 entries', { ...good, operations: Buffer.of(1, 1, 1) }],
    ['operations has 0 entries', { ...good, operations: Buffer.alloc(0) }],
    ['there is no operation 5', { ...good, operations: Buffer.of(5) }],
    ['multiple of 8', { ...good, source_ids: Buffer.alloc(9) }],
    ['source_ids is missing', { ...good, source_ids: null }],
    ['graph_id is missing', { ...good, graph_id: null }],
  ])('are refused where %s', (message, fields) => {
    expect(() => edgeWritesFromThrift(fields as RoostTypes.EdgeWrites)).toThrow(
      expect.objectContaining({
        code: 'InvalidArgument',
        message: expect.stringContaining(message) as string,
      }) as Error,
    );
  });
});

describe('answers', () => {
  it('carry edges, and the places of missing ones', () => {
    fc.assert(
      fc.property(fc.array(fc.option(edge, { nil: undefined })), (edges) => {
        const sources = BigInt64Array.from(edges, (each) => each?.sourceId ?? 1n);
        const destinations = BigInt64Array.from(edges, (each) => each?.destinationId ?? 2n);
        expect(edgesFromColumns(edgesToColumns(edges), sources, destinations)).toEqual(edges);
      }),
    );
  });

  it('carry pages of edges', () => {
    fc.assert(
      fc.property(fc.array(edge), int64, int64, (edges, nextCursor, prevCursor) => {
        const page = { edges, nextCursor, prevCursor };
        expect(edgePageFromThrift(edgePageToThrift(page))).toEqual(page);
      }),
    );
  });

  it('carry lists of edges', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(id, fc.array(edge))), async (lists) => {
        const edges = lists.map(([sourceId, of]) => of.map((each) => ({ ...each, sourceId })));
        expect(
          edgeListsFromThrift(
            await edgeListsToThrift(edges),
            BigInt64Array.from(lists, ([sourceId]) => sourceId),
          ),
        ).toEqual(edges);
      }),
    );
  });

  it('carry counts', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ normal: id, negative: id, archived: id, removed: id })), (counts) => {
        expect(unpackCounts(packCounts(counts), counts.length)).toEqual(counts);
      }),
    );
  });

  it('that are shorter than the question are refused', async () => {
    const dataLoss = expect.objectContaining({ code: 'DataLoss' }) as Error;
    expect(() => unpackCounts(packCounts([]), 1)).toThrow(dataLoss);
    const lists = await edgeListsToThrift([
      [{ sourceId: 1n, destinationId: 2n, position: 3n, updatedAt: 4n, state: 'normal' }],
    ]);
    expect(() => edgeListsFromThrift(lists, BigInt64Array.of(1n, 2n))).toThrow(dataLoss);
    for (const length of [0n, 2n, -1n, 2n ** 40n])
      expect(() => edgeListsFromThrift({ ...lists, lengths: packIds([length]) }, BigInt64Array.of(1n))).toThrow(
        dataLoss,
      );
    const columns = { ...edgesToColumns([undefined]), states: packStates([]) };
    expect(() => edgesFromColumns(columns, new BigInt64Array(1), new BigInt64Array(1))).toThrow(dataLoss);
  });
});
