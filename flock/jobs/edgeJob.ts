import type { FollowUp, JobType } from '../../gizzard/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import type { EdgeRecord } from '../edgeRecord.js';
import type { FlockTables } from '../storage/flockTables.js';
import type { EdgeWriter } from '../storage/edgeWriter.js';
import { edgesFromJson, edgesToJson } from './edgeJson.js';
import { checkCount, checkTable, checkTime } from './jobChecks.js';
import { decodeEdges } from './edgePayload.js';
import { jobKinds } from './kinds.js';
import { tellOtherEnds } from './rowJob.js';

/**
 * Writes of single edges. Each goes to the shard of its source and, reversed, to the shard of its destination. If a
 * mass operation has touched the node at one end, a further job tells the other end.
 */
export const edgeJob = (
  tables: FlockTables,
  { applyEdges, forgetEdges }: EdgeWriter,
  /** Derives further jobs from applied edges, on each replica. */
  followUps: (applied: readonly EdgeRecord[]) => readonly FollowUp[] = () => [],
): JobType<EdgeRecord, DatabaseHost> => ({
  kind: jobKinds.edges,
  split(payload, add) {
    decodeEdges(payload, (record) => add(record.tableId, record.sourceId, record));
  },
  check(payload, bounds) {
    let count = 0;
    decodeEdges(payload, ({ tableId, updatedAt }) => {
      if (++count === 1) checkTable(tableId, bounds);
      checkTime(updatedAt, bounds);
    });
    // Each edge comes in both directions.
    checkCount(count / 2);
  },
  toJson: edgesToJson,
  fromJson: edgesFromJson,
  async apply(host, leaf, items, deadline) {
    const others = await applyEdges(host, tables.at(leaf.shard), items, deadline, leaf);
    return [...tellOtherEnds(others), ...followUps(items)];
  },
  forget: forgetEdges,
});
