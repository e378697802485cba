import { describe, expect, it } from 'vitest';
import { limits, packIds } from '../../core/index.js';
import { ExecuteOperationType, PriorityNumber, type FlockDBTypes } from '../../wire/index.js';
import { compileExecute } from './compileExecute.js';

const { Add, Remove, Archive, Negate } = ExecuteOperationType;

function operation(
  type: FlockDBTypes.ExecuteOperationType,
  graph: number,
  forward: boolean,
  source: bigint,
  destinations: bigint[],
  position?: bigint,
): FlockDBTypes.ExecuteOperation {
  const term = { source_id: source, graph_id: graph, is_forward: forward, destination_ids: packIds(destinations) };
  return { operation_type: type, term, ...(position === undefined ? {} : { position }) };
}

it('makes one write for each graph, in the order of the operations, with positions at the present in milliseconds', () => {
  const at = 1_700_000_000_123n;
  const operations = [
    operation(Add, 1, true, 10n, [20n, 21n]),
    operation(Remove, 2, true, 1n, [2n]),
    operation(Archive, 1, false, 10n, [30n]),
    operation(Negate, 1, true, 4n, [5n]),
  ];
  expect(compileExecute({ operations, priority: PriorityNumber.Low }, 1_700_000_000_123)).toEqual({
    batch: [
      {
        edges: {
          graphId: 1,
          operations: ['add', 'add', 'archive', 'negate'],
          sourceIds: BigInt64Array.of(10n, 10n, 30n, 4n),
          destinationIds: BigInt64Array.of(20n, 21n, 10n, 5n),
          positions: BigInt64Array.of(at, at, at, at),
        },
      },
      {
        edges: {
          graphId: 2,
          operations: ['remove'],
          sourceIds: BigInt64Array.of(1n),
          destinationIds: BigInt64Array.of(2n),
          positions: BigInt64Array.of(at),
        },
      },
    ],
    unplaced: [{ edges: expect.objectContaining({ graphId: 1 }) as object, places: [0, 1, 3] }],
    options: { priority: 'low' },
  });
});

it('takes seconds for times: adds stand at their beginning, others at their end, and edges without a position at their milliseconds', () => {
  const operations = [operation(Add, 1, true, 1n, [2n], 77n), operation(Archive, 1, true, 1n, [3n])];
  expect(compileExecute({ operations, execute_at: 1_300_000_000, priority: PriorityNumber.High }, 5)).toMatchObject({
    batch: [
      {
        edges: {
          positions: BigInt64Array.of(77n, 1_300_000_000_000n),
          times: BigInt64Array.of(1_300_000_000_000_000n, 1_300_000_000_999_999n),
        },
      },
    ],
    unplaced: [],
    options: { priority: 'high' },
  });
});

it('writes nothing for a term with an empty list of destinations', () => {
  expect(compileExecute({ operations: [operation(Add, 1, true, 1n, [])], priority: PriorityNumber.High }, 5)).toEqual({
    batch: [],
    unplaced: [],
    options: { priority: 'high' },
  });
});

it('splits more edges than one journal entry holds into several writes', () => {
  const others = Array.from({ length: limits.operationsPerWrite + 1 }, (_, i) => BigInt(i));
  const { batch } = compileExecute(
    { operations: [operation(Add, 1, true, 1n, others)], priority: PriorityNumber.High },
    5,
  );
  expect(batch.map((write) => 'edges' in write && write.edges.destinationIds.length)).toEqual([
    limits.operationsPerWrite,
    1,
  ]);
});

it('takes a term without destination_ids for a mass operation, in the direction of the term', () => {
  const mass = (type: FlockDBTypes.ExecuteOperationType, forward: boolean): FlockDBTypes.ExecuteOperation => ({
    operation_type: type,
    term: { source_id: 9n, graph_id: 1, is_forward: forward },
  });
  expect(
    compileExecute({ operations: [mass(Archive, true), mass(Remove, false)], priority: PriorityNumber.High }, 5).batch,
  ).toEqual([
    { node: { graphId: 1, id: 9n, direction: 'forward', operation: 'archive' } },
    { node: { graphId: 1, id: 9n, direction: 'backward', operation: 'remove' } },
  ]);
});

it('keeps the order between edges and mass operations', () => {
  const mass: FlockDBTypes.ExecuteOperation = {
    operation_type: Remove,
    term: { source_id: 9n, graph_id: 1, is_forward: true },
  };
  const operations = [operation(Add, 1, true, 9n, [1n, 2n]), mass, operation(Add, 1, true, 9n, [3n])];
  expect(compileExecute({ operations, priority: PriorityNumber.High }, 5).batch).toMatchObject([
    { edges: { destinationIds: BigInt64Array.of(1n, 2n) } },
    { node: { id: 9n, operation: 'remove' } },
    { edges: { destinationIds: BigInt64Array.of(3n) } },
  ]);
  const { batch: atOnce } = compileExecute(
    { operations: operations.slice(1), execute_at: 7, priority: PriorityNumber.High },
    5,
  );
  expect(atOnce).toMatchObject([{ node: { time: 7_999_999n } }, { edges: { times: BigInt64Array.of(7_000_000n) } }]);
});

describe('refuses', () => {
  const good = operation(Add, 1, true, 1n, [2n]);
  const many = Array.from({ length: limits.edgesPerBatch }, (_, i) => BigInt(i));
  const term = (change: object): FlockDBTypes.ExecuteOperation => ({ ...good, term: { ...good.term, ...change } });

  it.each([
    ['InvalidArgument', 'at least one operation', []],
    ['InvalidArgument', 'term is missing', [{ ...good, term: null }]],
    ['InvalidArgument', 'graph_id is missing', [term({ graph_id: null })]],
    ['InvalidArgument', 'there is no operation 9', [{ ...good, operation_type: 9 }]],
    ['InvalidArgument', 'source_id must be', [term({ source_id: -1n })]],
    ['InvalidArgument', 'destination_id must be', [operation(Add, 1, true, 1n, [2n, -2n])]],
    ['InvalidArgument', 'multiple of 8', [term({ destination_ids: Buffer.alloc(12) })]],
    ['InvalidArgument', 'edges at most', [good, operation(Add, 1, true, 1n, many)]],
    ['InvalidArgument', 'edges at most', Array.from({ length: 100_001 }, () => good)],
    [
      'InvalidArgument',
      'mass operations at most',
      Array.from({ length: 100_000 }, () => term({ destination_ids: null })),
    ],
    ['InvalidArgument', 'bounded by positions', [term({ min_position: 5n })]],
    ['InvalidArgument', 'there is no operation 0', [term({ destination_ids: null }), { ...good, operation_type: 0 }]],
  ])('with %s: %s', (code, message, operations) => {
    expect(() =>
      compileExecute({ operations: operations as FlockDBTypes.ExecuteOperation[], priority: PriorityNumber.High }, 5),
    ).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) as string }) as Error);
  });

  it('an unknown priority', () => {
    expect(() => compileExecute({ operations: [good], priority: 4 as FlockDBTypes.Priority }, 5)).toThrow(
      'there is no priority 4',
    );
  });
});
