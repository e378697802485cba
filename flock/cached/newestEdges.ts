import type { Vector } from '../../cache/index.js';
import type { EntryRow, PositionBound } from '../storage/readEdges.js';

/**
 * The answer of `readByPosition` from the newest entries of a list alone; undefined if they do not suffice. All
 * missing entries come after the last one present.
 */
export function fromNewest(
  { ids, positions, kinds, complete }: Vector,
  {
    minPosition,
    maxPosition,
  }: { readonly minPosition?: bigint | undefined; readonly maxPosition?: bigint | undefined },
  states: readonly number[],
  bound: PositionBound | undefined,
  { older, inclusive }: { readonly older: boolean; readonly inclusive: boolean },
  limit: number,
): EntryRow[] | undefined {
  const beyond = (id: bigint, position: bigint): boolean => {
    if (bound === undefined) return true;
    if (position !== bound.position) return older ? position < bound.position : position > bound.position;
    if (bound.id === undefined) return inclusive;
    return id === bound.id ? inclusive : older ? id < bound.id : id > bound.id;
  };
  const count = ids.length;
  const last = count === 0 ? undefined : positions[count - 1]!;
  const nothingBehind = (least: bigint | undefined): boolean =>
    complete || (last !== undefined && least !== undefined && least > last);
  // Towards newer entries, the nearest one to the bound may be missing.
  if (!older && !nothingBehind(bound?.position) && !nothingBehind(minPosition)) return undefined;
  const found: EntryRow[] = [];
  for (let i = 0; i < count && found.length < limit; i++) {
    const place = older ? i : count - 1 - i;
    const [id, position, state] = [ids[place]!, positions[place]!, kinds?.[place] ?? 0];
    if (
      !states.includes(state) ||
      (minPosition !== undefined && position < minPosition) ||
      (maxPosition !== undefined && position > maxPosition)
    )
      continue;
    if (beyond(id, position)) found.push({ id, position, state });
  }
  return found.length === limit || !older || nothingBehind(minPosition) ? found : undefined;
}
