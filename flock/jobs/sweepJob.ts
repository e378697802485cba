import type { FollowUp, JobType } from '../../gizzard/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import type { FlockTables } from '../storage/flockTables.js';
import type { EdgeWriter } from '../storage/edgeWriter.js';
import { checkSweep } from './jobChecks.js';
import { jobKinds } from './kinds.js';
import { tellOtherEnds } from './rowJob.js';
import { decodeSweep, encodeSweep, type Sweep } from './sweepPayload.js';

/**
 * After a mass operation, updates a node's edges on one leaf page by page. Each page ends with a job for the next
 * one, and with jobs for the other ends of its edges.
 */
export const sweepJob = (tables: FlockTables, { sweepPage }: EdgeWriter): JobType<Sweep, DatabaseHost> => ({
  kind: jobKinds.sweep,
  itemsAtOnce: 4,
  split(payload, add) {
    const sweep = decodeSweep(payload);
    add(sweep.tableId, sweep.id, sweep);
  },
  check: checkSweep,
  async apply(host, leaf, items, deadline) {
    const followUps: FollowUp[] = [];
    for (const { tableId, id, after } of items) {
      const { records, node, next } = await sweepPage(host, tables.at(leaf.shard), tableId, id, after, deadline);
      followUps.push(...tellOtherEnds(records.map((record) => ({ record, node }))));
      if (next !== undefined)
        followUps.push({
          kind: jobKinds.sweep,
          payload: encodeSweep({ tableId, id, after: next }),
          leaves: [leaf.key],
        });
    }
    return followUps;
  },
});
