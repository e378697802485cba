import type { FollowUp, JobType } from '../../gizzard/index.js';
import type { DatabaseHost } from '../../mysql/index.js';
import type { EdgeRecord } from '../edgeRecord.js';
import { untouched } from '../nodeRegisters.js';
import type { EdgeWriter } from '../storage/edgeWriter.js';
import type { AppliedRow } from '../storage/applyEdges.js';
import type { FlockTables } from '../storage/flockTables.js';
import { checkCount, checkRecord } from './jobChecks.js';
import { jobKinds } from './kinds.js';
import { decodeRows, encodeRows } from './rowPayload.js';

/** Rows in one job. */
const rowsPerJob = 1_000;

/**
 * Rows that learn the registers of the node at their other end. Missing rows are created: the edge's own write is on
 * its way.
 */
export const rowJob = (tables: FlockTables, { applyEdges }: EdgeWriter): JobType<EdgeRecord, DatabaseHost> => ({
  kind: jobKinds.rows,
  split(payload, add) {
    for (const record of decodeRows(payload)) add(record.tableId, record.sourceId, record);
  },
  check(payload, bounds) {
    const rows = decodeRows(payload);
    checkCount(rows.length);
    for (const row of rows) checkRecord(row, bounds);
  },
  async apply(host, leaf, items, deadline) {
    await applyEdges(host, tables.at(leaf.shard), items, deadline, leaf);
    return [];
  },
});

/**
 * Jobs that carry nodes' registers to the rows at the other ends of their edges; none for nodes that no mass
 * operation has touched.
 */
export function tellOtherEnds(applied: readonly Pick<AppliedRow, 'record' | 'node'>[]): FollowUp[] {
  const rows = applied
    .filter(({ node }) => node !== untouched)
    .map(({ record, node }) => ({
      ...record,
      tableId: -record.tableId,
      sourceId: record.destinationId,
      destinationId: record.sourceId,
      peer: node,
    }));
  const jobs: FollowUp[] = [];
  for (let start = 0; start < rows.length; start += rowsPerJob) {
    jobs.push({ kind: jobKinds.rows, payload: encodeRows(rows.slice(start, start + rowsPerJob)) });
  }
  return jobs;
}
