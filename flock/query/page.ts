import { RoostError, type Deadline } from '../../core/index.js';
import type { EdgeReader } from '../edgeReader.js';
import { rankOf } from '../states.js';
import { readByPosition, readPosition, type EntryRow, type PositionBound } from '../storage/readEdges.js';
import type { IdPage, PageRequest, Term } from '../types.js';
import {
  decodeIdCursor,
  decodePositionCursor,
  encodeIdCursor,
  encodePositionCursor,
  endCursor,
  type PositionCursor,
} from './cursor.js';
import type { IdSource } from './idSource.js';

/** A page of one node's edges, newest position first. */
export async function pageByPosition(reader: EdgeReader, term: Term, page: PageRequest, deadline: Deadline): Promise<IdPage> {
  const cursor = decodePositionCursor(page.cursor);
  const node = reader.node(term);
  const states = [...new Set(term.states.map((state) => rankOf[state]))];
  return node.read(deadline, async (session, tables, left) => {
    const bound = await boundOf(cursor, (id) => readPosition(session, tables, term.sourceId, id, left));
    const older = !cursor.backwards;
    const read = (direction: { older: boolean; inclusive: boolean }, limit: number): Promise<EntryRow[]> =>
      readByPosition(session, tables, term.sourceId, states, bound, direction, limit, left);
    // One entry more than the page shows whether it goes on; one on the near side, whether something precedes.
    const [ahead, behind] = await Promise.all([read({ older, inclusive: false }, page.count + 1), bound === undefined ? [] : read({ older: !older, inclusive: true }, 1)]);
    const beyond = ahead[page.count];
    const entries = ahead.slice(0, page.count);
    const near = behind[0];
    if (cursor.backwards) entries.reverse();
    const first = entries[0];
    const last = entries.at(-1);
    const [before, after] = cursor.backwards ? [beyond, near] : [near, beyond];
    return {
      ids: BigInt64Array.from(entries, (entry) => entry.id),
      nextCursor: last === undefined || after === undefined ? endCursor : encodePositionCursor(last, after, false),
      prevCursor: first === undefined || before === undefined ? endCursor : encodePositionCursor(first, before, true),
    };
  });
}

async function boundOf({ edge }: PositionCursor, positionOf: (id: bigint) => Promise<bigint | undefined>): Promise<PositionBound | undefined> {
  if (edge === undefined) return undefined;
  if ('position' in edge) return { position: edge.position, id: undefined };
  const position = await positionOf(edge.id);
  if (position === undefined) throw new RoostError('InvalidArgument', `the cursor names id ${edge.id}, which is not in this list: it is the cursor of another query`);
  return { position, id: edge.id };
}

/** A page of a compound query, greatest id first. */
export async function pageById(source: IdSource, page: PageRequest, deadline: Deadline): Promise<IdPage> {
  const cursor = decodeIdCursor(page.cursor);
  const rising = cursor.backwards;
  const [ahead, behind] = await Promise.all([
    source.next(cursor.id, rising, page.count + 1, deadline),
    // Whether anything lies on the near side, the cursor's own id included.
    cursor.id === undefined ? [] : source.next(cursor.id + (rising ? 1n : -1n), !rising, 1, deadline),
  ]);
  const ids = ahead.slice(0, page.count);
  if (rising) ids.reverse();
  const more = ahead.length > page.count;
  const [before, after] = rising ? [more, behind.length > 0] : [behind.length > 0, more];
  return {
    ids: BigInt64Array.from(ids),
    nextCursor: after && ids.length > 0 ? encodeIdCursor(ids.at(-1)!, false) : endCursor,
    prevCursor: before && ids.length > 0 ? encodeIdCursor(ids[0]!, true) : endCursor,
  };
}
