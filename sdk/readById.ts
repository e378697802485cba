import { limits, packIds, RoostError } from '../core/index.js';
import { inParallel } from './inParallel.js';

/** What was found, in the order of the ids, and one byte for each id: 1 where it was. */
interface Found<T> {
  readonly found: Uint8Array;
  readonly things: readonly T[];
}

/** Reads things of ids in calls of at most `idsPerCall`, and returns them by place; undefined for those that there are not. */
export async function readById<T>(ids: readonly bigint[], idsPerCall: number, read: (packed: Buffer) => Promise<Found<T>>): Promise<(T | undefined)[]> {
  const found = new Array<T | undefined>(ids.length).fill(undefined);
  const readPart = async (start: number): Promise<void> => {
    const part = ids.length <= idsPerCall ? ids : ids.slice(start, start + idsPerCall);
    const answer = await read(packIds(part));
    if (answer.found.length !== part.length) throw new RoostError('DataLoss', `the answer holds ${answer.found.length} entries where ${part.length} were asked for`);
    let next = 0;
    for (let i = 0; i < part.length; i++) if (answer.found[i] === 1) found[start + i] = answer.things[next++];
  };
  function* calls(): Generator<() => Promise<void>> {
    for (let start = 0; start < ids.length; start += idsPerCall) yield () => readPart(start);
  }
  await inParallel(calls(), limits.bulkWriteInFlight);
  return found;
}
