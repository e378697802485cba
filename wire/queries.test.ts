import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../core/index.js';
import { edgeStates, type Query, type Term } from './values/graph.js';
import { SelectOperationType, type FlockDBTypes } from './generated.js';
import { queryFromThrift, queryToThrift } from './queries.js';

const id = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const term: fc.Arbitrary<Term> = fc
  .record({
    graphId: fc.nat(),
    sourceId: id,
    direction: fc.constantFrom('forward', 'backward'),
    states: fc.uniqueArray(fc.constantFrom(...edgeStates), { minLength: 1 }),
    destinationIds: fc.option(fc.array(id).map((ids) => BigInt64Array.from(ids))),
  })
  .map(({ destinationIds, ...rest }) => ({ ...rest, ...(destinationIds === null ? {} : { destinationIds }) }));
const { query } = fc.letrec<{ query: Query }>((tie) => ({
  query: fc.oneof(
    { maxDepth: 5 },
    term.map((each): Query => ({ kind: 'term', term: each })),
    fc.record({
      kind: fc.constantFrom('intersection', 'union', 'difference'),
      left: tie('query'),
      right: tie('query'),
    }),
  ),
}));

it('carries any query over the wire unchanged', () => {
  fc.assert(
    fc.property(query, (each) => {
      expect(queryFromThrift(queryToThrift(each))).toEqual(each);
    }),
  );
});

describe('a postfix program', () => {
  const simple = {
    operation_type: SelectOperationType.SimpleQuery,
    term: { source_id: 1n, graph_id: 1, is_forward: true },
  };
  const operator = (operation_type: FlockDBTypes.SelectOperationType): FlockDBTypes.SelectOperation => ({
    operation_type,
  });

  it('selects positive edges when it names no states', () => {
    expect(queryFromThrift([simple])).toEqual({
      kind: 'term',
      term: { sourceId: 1n, graphId: 1, direction: 'forward', states: ['normal'] },
    });
    expect(queryFromThrift([{ ...simple, term: { ...simple.term, state_ids: [] } }])).toMatchObject({
      term: { states: ['normal'] },
    });
  });

  it("maps FlockDB's numbers to the states", () => {
    expect(queryFromThrift([{ ...simple, term: { ...simple.term, state_ids: [0, 1, 2, 3, 3] } }])).toMatchObject({
      term: { states: ['normal', 'removed', 'archived', 'negative'] },
    });
  });

  it('takes the operands of a difference in order', () => {
    const other = { ...simple, term: { ...simple.term, source_id: 2n } };
    expect(queryFromThrift([simple, other, operator(SelectOperationType.Difference)])).toMatchObject({
      kind: 'difference',
      left: { term: { sourceId: 1n } },
      right: { term: { sourceId: 2n } },
    });
  });

  it.each([
    ['is empty', [], 'Left 0 items on the stack instead of 1'],
    ['leaves two queries', [simple, simple], 'Left 2 items on the stack instead of 1'],
    [
      'lacks an operand of an intersection',
      [simple, operator(SelectOperationType.Intersection)],
      'Need two sub-queries to do an intersection',
    ],
    ['lacks an operand of a union', [operator(SelectOperationType.Union)], 'Need two sub-queries to do a union'],
    [
      'lacks an operand of a difference',
      [simple, operator(SelectOperationType.Difference)],
      'Need two sub-queries to do a difference',
    ],
    ['has an unknown operation', [operator(9 as FlockDBTypes.SelectOperationType)], 'Unknown operation 9'],
    ['lacks a term', [operator(SelectOperationType.SimpleQuery)], 'term is missing'],
    [
      'lacks a field',
      [{ ...simple, term: { source_id: 1n, graph_id: 1 } as FlockDBTypes.QueryTerm }],
      'is_forward is missing',
    ],
    ['has an unknown state', [{ ...simple, term: { ...simple.term, state_ids: [4] } }], 'there is no edge state 4'],
    ['has half an id', [{ ...simple, term: { ...simple.term, destination_ids: Buffer.alloc(7) } }], 'multiple of 8'],
    [
      'has too many terms',
      Array.from({ length: 2 * limits.termsPerQuery }, () => simple),
      `${limits.termsPerQuery} terms at most`,
    ],
  ])('that %s is refused', (_name, program, message) => {
    expect(() => queryFromThrift(program)).toThrow(
      expect.objectContaining({
        code: 'InvalidArgument',
        message: expect.stringContaining(message) as string,
      }) as Error,
    );
  });
});
