import type { JobType } from '../../gizzard/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import { recount } from '../storage/applyNode.js';
import { edgeTables } from '../storage/edgeTables.js';
import { checkSweep } from './jobChecks.js';
import { jobKinds } from './kinds.js';
import { decodeSweep, type Sweep } from './sweepPayload.js';

/** Counts a node's edges anew, on one leaf: how a check repairs counters that have drifted. */
export const recountJob = (database: string): JobType<Sweep, DatabaseHost> => ({
  kind: jobKinds.recount,
  itemsAtOnce: 4,
  split(payload, add) {
    const node = decodeSweep(payload, jobKinds.recount);
    add(node.tableId, node.id, node);
  },
  check: checkSweep,
  async apply(host, leaf, items, deadline) {
    for (const { id } of items) await recount(host, edgeTables(database, leaf.shard), id, deadline);
    return [];
  },
});
