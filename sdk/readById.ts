import { chunks, inParallel, limits, packIds, RoostError } from '../core/index.js';

/** Splits ids into calls of at most `idsPerCall`, each answering by place, and joins the answers. */
export async function inCalls<T>(
  ids: readonly bigint[],
  idsPerCall: number,
  call: (part: readonly bigint[]) => Promise<readonly T[]>,
): Promise<T[]> {
  if (ids.length <= idsPerCall) return ids.length === 0 ? [] : [...(await call(ids))];
  const parts: (readonly T[])[] = [];
  await inParallel([...chunks(ids, idsPerCall)].entries(), limits.bulkWriteInFlight, async ([place, part]) => {
    parts[place] = await call(part);
  });
  return parts.flat();
}

/** The found items in the order of their ids, and one byte per id: 1 if found. */
interface Found<T> {
  readonly found: Uint8Array;
  readonly things: readonly T[];
}

/** Reads items by id, by place; undefined for each missing one. */
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
