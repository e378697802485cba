import type { Deadline } from '../../core/index.js';
import { edgeStates } from '../../wire/index.js';
import { compareKeys } from '../edgeRecord.js';
import { sameRegisters, untouched } from '../nodeRegisters.js';
import type { EdgeRow } from '../storage/edgesTable.js';
import type { NodeCounts } from '../storage/nodeRows.js';
import type { LeafReads } from './leafReads.js';

/** A difference, and what distinguishes it from another one at the same place. */
export interface Seen<T> {
  readonly what: T;
  readonly mark: string;
}

/** The last row up to which every replica's page is complete; undefined if no page is full. */
export function nearestEnd(pages: readonly EdgeRow[][], pageRows: number): EdgeRow | undefined {
  const ends = pages.filter((page) => page.length === pageRows).map((page) => page.at(-1)!);
  return ends.sort((a, b) => compareKeys(a.record, b.record))[0];
}

/** Nodes with registers that differ between two replicas. */
export async function differing(
  a: LeafReads,
  b: LeafReads,
  ids: readonly bigint[],
  deadline: Deadline,
): Promise<bigint[]> {
  if (ids.length === 0) return [];
  const [ofA, ofB] = await Promise.all([a.nodes(ids, deadline), b.nodes(ids, deadline)]);
  return ids.filter(
    (_, place) => !sameRegisters(ofA.get(place)?.registers ?? untouched, ofB.get(place)?.registers ?? untouched),
  );
}

export const ownRegisters = ({ record, visible }: EdgeRow): string =>
  [record.ownState, record.updatedAt, record.position, record.positionedAt, visible].join();

export const fingerprint = (row: EdgeRow): string => {
  const { sourceId, destinationId, peer } = row.record;
  return [sourceId, destinationId, ownRegisters(row), peer.color, peer.coloredAt, peer.removedThrough].join();
};

const agrees = ({ counters, rows }: NodeCounts): boolean => counters.every((counter, rank) => counter === rows[rank]);

/** Nodes with counters that differ from the numbers of their rows. */
export async function miscounted(leaf: LeafReads, ids: readonly bigint[], deadline: Deadline): Promise<bigint[]> {
  if (ids.length === 0) return [];
  const counts = await leaf.counts(ids, deadline);
  return ids.filter((_, place) => !agrees(counts[place]!));
}

/**
 * The fault in a node's counters. Equal as long as they are off by the same amount, whatever is written meanwhile.
 */
export async function miscount(leaf: LeafReads, id: bigint, deadline: Deadline): Promise<Seen<string> | undefined> {
  const [counts] = await leaf.counts([id], deadline);
  if (counts === undefined || agrees(counts)) return undefined;
  const { counters, rows } = counts;
  const wrong = edgeStates.flatMap((state, rank) =>
    rows[rank] === counters[rank] ? [] : [`${counters[rank]} ${state} where there are ${rows[rank]}`],
  );
  return {
    what: `${leaf.key}: its counters say ${wrong.join(', ')}`,
    mark: counters.map((counter, rank) => counter - rows[rank]!).join(),
  };
}
