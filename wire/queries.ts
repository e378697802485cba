import { limits, packIds, RoostError, unpackIds } from '../core/index.js';
import type { EdgeState, Query, Term } from './values/graph.js';
import { SelectOperationType } from './generated.js';
import type { FlockDBTypes } from './generated.js';
import { required } from './required.js';
import { stateFromFlockdb, stateToFlockdb } from './states.js';

const operators = {
  intersection: SelectOperationType.Intersection,
  union: SelectOperationType.Union,
  difference: SelectOperationType.Difference,
} as const;

const onlyNormal: readonly EdgeState[] = ['normal'];

/** Plain objects shaped like the generated structs, whose classes copy them. */
type TermFields = ConstructorParameters<typeof FlockDBTypes.QueryTerm>[0] & object;
type OperationFields = ConstructorParameters<typeof FlockDBTypes.SelectOperation>[0] & object;

export const termToThrift = (term: Term): TermFields => ({
  source_id: term.sourceId,
  graph_id: term.graphId,
  is_forward: term.direction === 'forward',
  ...(term.destinationIds === undefined ? {} : { destination_ids: packIds(term.destinationIds) }),
  state_ids: term.states.map(stateToFlockdb),
  ...(term.minPosition === undefined ? {} : { min_position: term.minPosition }),
  ...(term.maxPosition === undefined ? {} : { max_position: term.maxPosition }),
});

/** A term without states means normal edges. Throws `InvalidArgument` for a missing or malformed field. */
export function termFromThrift(term: FlockDBTypes.QueryTerm): Term {
  const states = term.state_ids?.map(stateFromFlockdb) ?? [];
  return {
    sourceId: required(term.source_id, 'source_id'),
    graphId: required(term.graph_id, 'graph_id'),
    direction: required(term.is_forward, 'is_forward') ? 'forward' : 'backward',
    states: states.length === 0 ? onlyNormal : [...new Set(states)],
    ...(term.destination_ids == null ? {} : { destinationIds: unpackIds(term.destination_ids) }),
    ...(term.min_position == null ? {} : { minPosition: term.min_position }),
    ...(term.max_position == null ? {} : { maxPosition: term.max_position }),
  };
}

/** A query as a postfix program: operands first, then their operator. */
export function queryToThrift(query: Query): FlockDBTypes.SelectOperation[] {
  const program: OperationFields[] = [];
  const visit = (node: Query): void => {
    if (node.kind === 'term') {
      program.push({ operation_type: SelectOperationType.SimpleQuery, term: termToThrift(node.term) });
      return;
    }
    visit(node.left);
    visit(node.right);
    program.push({ operation_type: operators[node.kind] });
  };
  visit(query);
  return program;
}

/**
 * Reduces a postfix program to its query. Throws `InvalidArgument`, in FlockDB's words, unless the result is exactly
 * one.
 */
export function queryFromThrift(program: readonly FlockDBTypes.SelectOperation[]): Query {
  if (program.length > 2 * limits.termsPerQuery - 1)
    throw new RoostError('InvalidArgument', `a query may have ${limits.termsPerQuery} terms at most`);
  const stack: Query[] = [];
  for (const { operation_type: type, term } of program) {
    if (type === SelectOperationType.SimpleQuery)
      stack.push({ kind: 'term', term: termFromThrift(required(term, 'term')) });
    else stack.push(combine(type, stack));
  }
  const [query] = stack;
  if (query === undefined || stack.length > 1)
    throw new RoostError('InvalidArgument', `Left ${stack.length} items on the stack instead of 1`);
  return query;
}

function combine(type: FlockDBTypes.SelectOperationType, stack: Query[]): Query {
  const operator = Object.entries(operators).find(([, number]) => number === type);
  if (operator === undefined) throw new RoostError('InvalidArgument', `Unknown operation ${type}`);
  const kind = operator[0] as keyof typeof operators;
  const right = stack.pop();
  const left = stack.pop();
  if (left === undefined || right === undefined) {
    throw new RoostError(
      'InvalidArgument',
      `Need two sub-queries to do ${kind === 'intersection' ? 'an' : 'a'} ${kind}`,
    );
  }
  return { kind, left, right };
}
