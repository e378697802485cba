import { RoostError } from '../../core/index.js';
import type { Vector } from '../../cache/index.js';
import { fromNewest } from '../cached/newestEdges.js';
import type { EdgeReader } from '../edgeReader.js';
import { readByPosition, readPositions, type EntryRow, type PositionBound } from '../storage/readEdges.js';
import type { IdPage, PageRequest, Term } from '../types.js';
import { decodeIdCursor, decodePositionCursor, encodeIdCursor, encodePositionCursor, endCursor, type PositionCursor } from './cursor.js';
import { compactId, int64sOf, type CompactId } from './compactId.js';
import type { IdSource } from './idSource.js';
import type { QueryRun } from './queryRun.js';
import { ranksOf } from './termSource.js';

/**
 * A page of one node's edges, greatest position first.
 *
 * @param newest the newest edges of the node, where they are cached: the page is read from them as far as they go
 */
export async function pageByPosition(reader: EdgeReader, term: Term, page: PageRequest, run: QueryRun, newest?: Vector): Promise<IdPage> {
  const cursor = decodePositionCursor(page.cursor);
  const node = reader.node(term);
  const states = ranksOf(term);
  const bound = await boundOf(cursor, async (id) => {
    const place = newest?.ids.indexOf(id) ?? -1;
    if (place >= 0) return newest!.positions[place];
    const [entry] = await node.read(run, 'probe', 1, (session, tables, left) => readPositions(session, tables, term.sourceId, [id], left));
    return entry?.position;
  });
  const older = !cursor.backwards;
  const read = async (direction: { older: boolean; inclusive: boolean }, limit: number): Promise<EntryRow[]> =>
    (newest && fromNewest(newest, term, states, bound, direction, limit)) ??
    node.read(run, 'page', limit, (session, tables, left) => readByPosition(session, tables, term, states, bound, direction, limit, left));
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
    partial: false,
  };
}

async function boundOf({ edge }: PositionCursor, positionOf: (id: bigint) => Promise<bigint | undefined>): Promise<PositionBound | undefined> {
  if (edge === undefined) return undefined;
  if ('position' in edge) return { position: edge.position, id: undefined };
  const position = await positionOf(edge.id);
  if (position === undefined) throw new RoostError('InvalidArgument', `the cursor names id ${edge.id}, which is not in this list: it is the cursor of another query`);
  return { position, id: edge.id };
}

/** A page of a compound query, greatest id first. Where the query's budget ends first, the page is partial and its cursor goes on from there. */
export async function pageById(source: IdSource, page: PageRequest, run: QueryRun): Promise<IdPage> {
  const cursor = decodeIdCursor(page.cursor);
  const rising = cursor.backwards;
  const from = cursor.id === undefined ? undefined : compactId(cursor.id);
  const [ahead, precededBy] = await Promise.all([source.next(from, rising, page.count + 1, run), from !== undefined && anyFrom(source, from, !rising, run)]);
  const ids = ahead.ids.slice(0, page.count);
  const partial = ahead.ids.length <= page.count && ahead.through !== undefined;
  const more = ahead.ids.length > page.count || partial;
  // A partial page goes on from where it was decided, which may lie beyond its last id.
  const farEdge = partial ? ahead.through : ids.at(-1);
  const nearEdge = ids[0] ?? farEdge;
  const far = more && farEdge !== undefined ? encodeIdCursor(BigInt(farEdge), rising) : endCursor;
  const near = precededBy && nearEdge !== undefined ? encodeIdCursor(BigInt(nearEdge), !rising) : endCursor;
  if (rising) ids.reverse();
  return { ids: int64sOf(ids), nextCursor: rising ? near : far, prevCursor: rising ? far : near, partial };
}

/** Whether the set has an id or any beyond it: the id itself most often, which came with the page before. */
const anyFrom = async (source: IdSource, id: CompactId, rising: boolean, run: QueryRun): Promise<boolean> =>
  (await source.probe([id], run)).size > 0 || (await source.next(id, rising, 1, run)).ids.length > 0;
