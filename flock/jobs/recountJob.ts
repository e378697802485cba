import type { JobType } from '../../gizzard/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import { recount } from '../storage/applyNode.js';
import type { FlockTables } from '../storage/flockTables.js';
import { checkSweep } from './jobChecks.js';
import { jobKinds } from './kinds.js';
import { decodeSweep, type Sweep } from './sweepPayload.js';

/** Recounts a node's edges on one leaf; repairs counters that have drifted. */
export const recountJob = (tables: FlockTables): JobType<Sweep, DatabaseHost> => ({
  kind: jobKinds.recount,
  itemsAtOnce: 4,
  split(payload, add) {
    const node = decodeSweep(payload, jobKinds.recount);
    add(node.tableId, node.id, node);
  },
  check: checkSweep,
  async apply(host, leaf, items, deadline) {
    for (const { id } of items) await recount(host, tables.at(leaf.shard), id, deadline);
    return [];
  },
});
