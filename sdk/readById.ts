import { limits, packIds, RoostError } from '../core/index.js';
import { inParallel } from './inParallel.js';

/** Cuts ids into calls of at most `idsPerCall`, each of which answers by place, and puts the answers together. */
export async function inCalls<T>(
  ids: readonly bigint[],
  idsPerCall: number,
  call: (part: readonly bigint[]) => Promise<readonly T[]>,
): Promise<T[]> {
  if (ids.length <= idsPerCall) return ids.length === 0 ? [] : [...(await call(ids))];
  const parts: (readonly T[])[] = [];
  function* calls(): Generator<() => Promise<void>> {
    for (let start = 0, part = 0; start < ids.length; start += idsPerCall, part++) {
      yield async () => void (parts[part] = await call(ids.slice(start, start + idsPerCall)));
    }
  }
  await inParallel(calls(), limits.bulkWriteInFlight);
  return parts.flat();
}

/** What was found, in the order of the ids, and one byte for each id: 1 where it was. */
interface Found<T> {
  readonly found: Uint8Array;
  readonly things: readonly T[];
}

/** Reads things of ids, by place; undefined for those that there are not. */
export const readById = <T>(
  ids: readonly bigint[],
  idsPerCall: number,
  read: (packed: Buffer) => Promise<Found<T>>,
): Promise<(T | undefined)[]> =>
  inCalls(ids, idsPerCall, async (part) => {
    const { found, things } = await read(packIds(part));
    if (found.length !== part.length)
      throw new RoostError('DataLoss', `the answer holds ${found.length} entries where ${part.length} were asked for`);
    let next = 0;
    return Array.from(found, (there) => (there === 1 ? things[next++] : undefined));
  });
