import { RoostError } from '../core/index.js';
import { edgeStates, type EdgeState } from './values/graph.js';

/** In columns a byte is 1 + the rank, and 0 for an edge that never existed. */
const bytes: Readonly<Record<EdgeState, number>> = { normal: 1, negative: 2, archived: 3, removed: 4 };

/** FlockDB's numbers for these states. */
const flockdbStates = ['normal', 'removed', 'archived', 'negative'] as const satisfies readonly EdgeState[];

export const stateToByte = (state: EdgeState | undefined): number => (state === undefined ? 0 : bytes[state]);

/** Throws `DataLoss` for an undefined byte. */
export function stateFromByte(byte: number | undefined): EdgeState | undefined {
  if (byte === 0) return undefined;
  const state = byte === undefined ? undefined : edgeStates[byte - 1];
  if (state === undefined)
    throw new RoostError('DataLoss', `the answer holds an edge state ${byte}, which does not exist`);
  return state;
}

export const stateToFlockdb = (state: EdgeState): number => flockdbStates.indexOf(state);

/** Throws `InvalidArgument` for a number that FlockDB does not have. */
export function stateFromFlockdb(id: number): EdgeState {
  const state = flockdbStates[id];
  if (state === undefined)
    throw new RoostError(
      'InvalidArgument',
      `there is no edge state ${id}: use 0 (positive), 1 (removed), 2 (archived) or 3 (negative)`,
    );
  return state;
}
