import { parseId, RoostError } from '../core/index.js';
import type { BatchedWrite, NodeWrite, WriteBatch } from './values/graph.js';
import { edgeWritesFromThrift, edgeWritesToThrift } from './edgeWrites.js';
import type { RoostTypes } from './generated.js';
import { operationNumbers } from './operations.js';
import { required } from './required.js';

type BatchWriteFields = ConstructorParameters<typeof RoostTypes.BatchWrite>[0] & object;

/** The columns are views of the caller's arrays, which must not change until the message is written. */
export const writeBatchToThrift = (writes: WriteBatch): BatchWriteFields[] =>
  writes.map((write) =>
    'edges' in write ? { edges: edgeWritesToThrift(write.edges) } : { node: nodeToThrift(write.node) },
  );

/** Throws `InvalidArgument` if an entry has neither or both of edges and a node, or is malformed. */
export function writeBatchFromThrift(writes: readonly RoostTypes.BatchWrite[]): BatchedWrite[] {
  return writes.map(({ edges, node }) => {
    if ((edges == null) === (node == null))
      throw new RoostError('InvalidArgument', 'each write of a batch must hold either edges or a node');
    return edges == null ? { node: nodeFromThrift(node!) } : { edges: edgeWritesFromThrift(edges) };
  });
}

const nodeToThrift = ({
  graphId,
  id,
  direction,
  operation,
  time,
}: NodeWrite): ConstructorParameters<typeof RoostTypes.NodeWrite>[0] & object => ({
  graph_id: graphId,
  id,
  is_forward: direction === 'forward',
  operation: operationNumbers.toNumber(operation),
  ...(time === undefined ? {} : { time }),
});

const nodeFromThrift = (node: RoostTypes.NodeWrite): NodeWrite => ({
  graphId: required(node.graph_id, 'graph_id'),
  id: parseId(required(node.id, 'id')),
  direction: required(node.is_forward, 'is_forward') ? 'forward' : 'backward',
  operation: operationNumbers.toName(required(node.operation, 'operation')),
  ...(node.time == null ? {} : { time: node.time }),
});
