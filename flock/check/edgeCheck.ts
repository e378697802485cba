import type { Deadline } from '../../core/index.js';
import type { FollowUp } from '../../gizzard/index.js';
import { mergeInto, type EdgeRecord } from '../edgeRecord.js';
import {
  isUntouched,
  mergeNodes,
  sameRegisters,
  untouched,
  visibleState,
  type NodeRegisters,
} from '../nodeRegisters.js';
import { jobKinds } from '../jobs/kinds.js';
import { encodeNode } from '../jobs/nodePayload.js';
import { encodeRows } from '../jobs/rowPayload.js';
import { rankOf } from '../states.js';
import type { EdgeRow } from '../storage/edgesTable.js';
import type { LeafReads } from './leafReads.js';

/** One replica's copy of one of an edge's two rows, with the row of that row's node. */
interface Copy {
  readonly leaf: string;
  readonly row: EdgeRow | undefined;
  readonly node: NodeRegisters;
}

export interface EdgeEnds {
  readonly forward: { readonly tableId: number; readonly leaves: readonly LeafReads[] };
  readonly backward: { readonly tableId: number; readonly leaves: readonly LeafReads[] };
}

export interface EdgeFinding {
  /** The faults, for people. Empty: none. */
  readonly faults: readonly string[];
  /** The latest times of its state and its position in any copy. */
  readonly latest: string;
  /** Jobs that make every copy equal to the merge of all. */
  readonly repairs: readonly FollowUp[];
}

/**
 * Reads every copy of an edge from both ends and reports differences: a missing copy, registers that differ, a row's
 * record of its peer, and a visible state that does not follow from these.
 */
export async function checkEdge(
  ends: EdgeEnds,
  sourceId: bigint,
  destinationId: bigint,
  deadline: Deadline,
): Promise<EdgeFinding> {
  const copies = async ({ tableId, leaves }: EdgeEnds['forward'], near: bigint, far: bigint): Promise<Copy[]> =>
    Promise.all(
      leaves.map(async (leaf) => {
        const [rows, nodes] = await Promise.all([
          leaf.rows([{ tableId, sourceId: near, destinationId: far }], deadline),
          leaf.nodes([near], deadline),
        ]);
        return { leaf: leaf.key, row: rows.get(0), node: nodes.get(0)?.registers ?? untouched };
      }),
    );
  const [forward, backward] = await Promise.all([
    copies(ends.forward, sourceId, destinationId),
    copies(ends.backward, destinationId, sourceId),
  ]);
  const all = [...forward, ...backward];
  const first = all.find(({ row }) => row !== undefined)?.row?.record;
  if (first === undefined) return { faults: [], latest: '', repairs: [] };

  // The merge of all copies.
  const truth: EdgeRecord = { ...first, peer: untouched };
  for (const { row } of all) if (row !== undefined) mergeInto(truth, { ...row.record, peer: untouched });
  const nodeOf = (own: readonly Copy[], other: readonly Copy[]): NodeRegisters =>
    [...own.map(({ node }) => node), ...other.map(({ row }) => row?.record.peer ?? untouched)].reduce(
      mergeNodes,
      untouched,
    );
  const sourceNode = nodeOf(forward, backward);
  const destinationNode = nodeOf(backward, forward);
  const visible = visibleState(truth, sourceNode, destinationNode);

  const faults = [
    ...forward.flatMap((copy) => faultsOf(copy, truth, visible, sourceNode, destinationNode)),
    ...backward.flatMap((copy) => faultsOf(copy, truth, visible, destinationNode, sourceNode)),
  ];
  const latest = `${truth.updatedAt} ${truth.positionedAt}`;
  if (faults.length === 0) return { faults, latest, repairs: [] };
  const rows = [
    { ...truth, tableId: ends.forward.tableId, sourceId, destinationId, peer: destinationNode },
    { ...truth, tableId: ends.backward.tableId, sourceId: destinationId, destinationId: sourceId, peer: sourceNode },
  ];
  return {
    faults,
    latest,
    repairs: [
      ...nodeRepairs(ends.forward.tableId, sourceId, sourceNode),
      ...nodeRepairs(ends.backward.tableId, destinationId, destinationNode),
      { kind: jobKinds.rows, payload: encodeRows(rows) },
    ],
  };
}

function faultsOf(
  { leaf, row, node }: Copy,
  truth: EdgeRecord,
  visible: number,
  near: NodeRegisters,
  far: NodeRegisters,
): string[] {
  if (row === undefined) return [`${leaf}: the row is missing`];
  const { record } = row;
  const faults: string[] = [];
  if (record.ownState !== truth.ownState || record.updatedAt !== truth.updatedAt)
    faults.push('its state is not the latest');
  if (record.position !== truth.position || record.positionedAt !== truth.positionedAt)
    faults.push('its position is not the latest');
  if (!sameRegisters(node, near)) faults.push('its node misses a mass operation');
  if (!sameRegisters(record.peer, far)) faults.push('it misses a mass operation on the other end');
  if (row.visible !== visible) faults.push(`it shows state ${row.visible} in place of ${visible}`);
  return faults.map((fault) => `${leaf}: ${fault}`);
}

/** Jobs that write a node's registers to every replica, and from there to the other ends of its edges. */
export function nodeRepairs(tableId: number, id: bigint, node: NodeRegisters): FollowUp[] {
  const jobs: FollowUp[] = [];
  const operation = (rank: number, time: bigint): void =>
    void jobs.push({ kind: jobKinds.node, payload: encodeNode({ tableId, id, rank, time }) });
  if (!isUntouched({ ...node, removedThrough: untouched.removedThrough })) operation(node.color, node.coloredAt);
  if (node.removedThrough !== untouched.removedThrough) operation(rankOf.removed, node.removedThrough);
  return jobs;
}
