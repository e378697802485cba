import { edgeStates, type EdgeState, type Operation } from '../wire/index.js';

/** The state's rank: its value in tables and payloads, and what breaks ties in time. */
export const rankOf: Readonly<Record<EdgeState, number>> = { normal: 0, negative: 1, archived: 2, removed: 3 };

export const stateOfRank = (rank: number): EdgeState => edgeStates[rank]!;

/** Operations in the order of their codes, which are the ranks of the states that they set. */
export const operations: readonly Operation[] = ['add', 'negate', 'archive', 'remove'];

export const operationRank: Readonly<Record<Operation, number>> = { add: 0, negate: 1, archive: 2, remove: 3 };

/** Whether the operation says where the edge stands in its lists. Archive and remove leave it where it was. */
export const setsPosition = (rank: number): boolean => rank <= operationRank.negate;
