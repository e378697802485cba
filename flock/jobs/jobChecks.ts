import { limits, RoostError } from '../../core/index.js';
import type { JobBounds } from '../../gizzard/index.js';
import type { EdgeRecord } from '../edgeRecord.js';
import { operationRank } from '../states.js';
import { decodeSweep } from './sweepPayload.js';

const maxRank = operationRank.remove;

const invalid = (message: string): RoostError => new RoostError('InvalidArgument', message);

export function checkCount(count: number): void {
  if (count === 0 || count > limits.operationsPerWrite)
    throw invalid(`a job holds 1 to ${limits.operationsPerWrite} operations, not ${count}`);
}

export function checkTable(tableId: number, { topology }: JobBounds): void {
  if (tableId === 0 || topology.table(tableId).service !== 'flock') throw invalid(`table ${tableId} holds no edges`);
}

export function checkId(id: bigint): void {
  if (id < 0n) throw invalid(`ids are from 0 to 2^63 − 1, not ${id}`);
}

export function checkRank(rank: number): void {
  if (rank > maxRank) throw invalid(`there is no state ${rank}`);
}

/** `earliest` stands for the time of something that was never written. */
export function checkTime(time: bigint, { latest }: JobBounds, earliest = 0n): void {
  if (time < earliest || time > latest)
    throw invalid(`times are microseconds from 1970 to a day from now, not ${time}`);
}

/** Checks that a service's write, or a job derived from one, could have produced the row. */
export function checkRecord(
  { tableId, sourceId, destinationId, ownState, updatedAt, positionedAt, peer }: EdgeRecord,
  bounds: JobBounds,
): void {
  checkTable(tableId, bounds);
  checkId(sourceId);
  checkId(destinationId);
  checkRank(ownState);
  checkRank(peer.color);
  checkTime(updatedAt, bounds, -1n);
  checkTime(positionedAt, bounds, -1n);
  checkTime(peer.coloredAt, bounds, -1n);
  checkTime(peer.removedThrough, bounds, -1n);
}

export function checkSweep(payload: Buffer, bounds: JobBounds): void {
  const { tableId, id, after } = decodeSweep(payload);
  checkTable(tableId, bounds);
  checkId(id);
  if (after !== undefined) checkId(after);
}
