import type { JobType } from '../../gizzard/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import { massOperation } from '../nodeRegisters.js';
import { applyNode } from '../storage/applyNode.js';
import type { FlockTables } from '../storage/flockTables.js';
import { checkId, checkRank, checkTable, checkTime } from './jobChecks.js';
import { jobKinds } from './kinds.js';
import { decodeNode, type NodeOperation } from './nodePayload.js';
import { encodeSweep } from './sweepPayload.js';

/** A mass operation: writes the node's registers at once, and its edges by one sweep per leaf. */
export const nodeJob = (tables: FlockTables): JobType<NodeOperation, DatabaseHost> => ({
  kind: jobKinds.node,
  itemsAtOnce: 100,
  split(payload, add) {
    const operation = decodeNode(payload);
    add(operation.tableId, operation.id, operation);
  },
  check(payload, bounds) {
    const { tableId, id, rank, time } = decodeNode(payload);
    checkTable(tableId, bounds);
    checkId(id);
    checkRank(rank);
    checkTime(time, bounds);
  },
  async apply(host, leaf, items, deadline) {
    for (const { id, rank, time } of items)
      await applyNode(host, tables.at(leaf.shard), id, massOperation(rank, time), deadline);
    return items.map(({ tableId, id }) => ({
      kind: jobKinds.sweep,
      payload: encodeSweep({ tableId, id, after: undefined }),
      leaves: [leaf.key],
    }));
  },
});
