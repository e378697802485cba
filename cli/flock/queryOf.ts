import type { Direction } from '../../flock/index.js';
import type { Graph, NodeQuery, Roost } from '../../sdk/index.js';
import type { QueryExpression } from './queryExpression.js';

/** The set of one node in one direction. */
export const setOf = (graph: Graph, direction: Direction, id: bigint): NodeQuery =>
  direction === 'forward' ? graph.from(id) : graph.to(id);

/** The query of an expression, on the graphs that it names; on `name` if it names none. */
export async function queryOf(roost: Roost, name: string, expression: QueryExpression): Promise<NodeQuery> {
  if (expression.kind !== 'set') {
    const left = await queryOf(roost, name, expression.left);
    return left[expression.kind](await queryOf(roost, name, expression.right));
  }
  const { graph, direction, id, states, among, between } = expression;
  let set = setOf(await roost.graph(graph ?? name), direction, id);
  if (states !== undefined) set = set.in(...states);
  if (among !== undefined) set = set.among(among);
  if (between !== undefined) set = set.between(...between);
  return set;
}
