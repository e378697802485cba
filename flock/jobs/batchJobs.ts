import type { Micros } from '../../core/index.js';
import type { NewJob } from '../../gizzard/index.js';
import type { EdgeWrites, NodeWrite, WriteBatch } from '../../wire/index.js';
import { tableIdOf } from '../graphs.js';
import { encodeEdges, timesOfEdges } from './edgePayload.js';
import { jobKinds } from './kinds.js';
import { encodeNode, timeOfNode } from './nodePayload.js';
import { operationRank } from '../states.js';

/** The times that writes bring. */
export function* timesOf(batch: WriteBatch): Generator<Micros> {
  for (const write of batch) {
    if ('node' in write) {
      if (write.node.time !== undefined) yield write.node.time;
    } else if (write.edges.times !== undefined) yield* write.edges.times;
  }
}

/** The job of one write of a batch. */
export const jobOfWrite = (write: WriteBatch[number]): NewJob =>
  'edges' in write ? jobOfEdges(write.edges) : jobOfNode(write.node);

/** Writes without times get theirs from the journal. */
const jobOfEdges = (writes: EdgeWrites): NewJob => ({
  kind: jobKinds.edges,
  payload: encodeEdges(writes),
  ...(writes.times === undefined ? { times: timesOfEdges(writes.sourceIds.length) } : {}),
});

const jobOfNode = ({ graphId, id, direction, operation, time }: NodeWrite): NewJob => ({
  kind: jobKinds.node,
  payload: encodeNode({ tableId: tableIdOf(graphId, direction), id, rank: operationRank[operation], time: time ?? 0n }),
  ...(time === undefined ? { times: timeOfNode } : {}),
});
