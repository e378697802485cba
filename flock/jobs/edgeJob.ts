import type { JobType } from '../../gizzard/index.js';
import type { EdgeRecord } from '../edgeRecord.js';
import { tableIdOf } from '../graphs.js';
import { applyEdges } from '../storage/applyEdges.js';
import { edgeTables } from '../storage/edgeTables.js';
import { decodeEdges } from './edgePayload.js';

export const edgeJobKind = 'flock.edges';

/** Writes of single edges: each goes into the shard of its source and, turned round, into the shard of its destination. */
export const edgeJob = (database: string): JobType<EdgeRecord> => ({
  kind: edgeJobKind,
  split(payload, add) {
    decodeEdges(payload, (graphId, forward, backward) => {
      add(tableIdOf(graphId, 'forward'), forward.sourceId, forward);
      add(tableIdOf(graphId, 'backward'), backward.sourceId, backward);
    });
  },
  apply: (host, leaf, items, deadline) => applyEdges(host, edgeTables(database, leaf.shard), items, deadline),
});
