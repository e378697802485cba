import { RoostError } from '../../core/index.js';
import type { Vector } from '../../cache/index.js';
import type { GatheredReads } from '../../gizzard/index.js';
import type { EdgePage, IdPage, PageRequest, Term } from '../../wire/index.js';
import { fromNewest } from '../cached/newestEdges.js';
import type { EdgeReader } from '../edgeReader.js';
import {
  edgeOfRow,
  readByPosition,
  readPositions,
  type EdgeEntry,
  type EntryRow,
  type ListHead,
  type PositionBound,
} from '../storage/readEdges.js';
import {
  decodeIdCursor,
  decodePositionCursor,
  encodeIdCursor,
  encodePositionCursor,
  endCursor,
  type PositionCursor,
} from './cursor.js';
import { compactId, int64sOf, type CompactId } from './compactId.js';
import type { IdSource } from './idSource.js';
import type { QueryRun } from './queryRun.js';
import { ranksOf } from './termSource.js';

/** Reads first pages together with those of other nodes of the shard, so that none is a step of its own query. */
export type Heads = GatheredReads<ListHead, EdgeEntry[]>;

/**
 * A page of one node's ids, by position, greatest first.
 *
 * @param heads absent: every read is recorded as a step of the query
 * @param newest the node's newest edges, if cached; pages are served from them as far as they reach
 */
export async function pageByPosition(
  reader: EdgeReader,
  term: Term,
  page: PageRequest,
  run: QueryRun,
  heads?: Heads,
  newest?: Vector,
): Promise<IdPage> {
  const states = ranksOf(term);
  const inTables = tableList(reader, term, run, heads);
  const list: PositionList<EntryRow> =
    newest === undefined
      ? inTables
      : {
          async positionOf(id) {
            const place = newest.ids.indexOf(id);
            return place < 0 ? inTables.positionOf(id) : newest.positions[place];
          },
          read: async (bound, direction, limit) =>
            fromNewest(newest, term, states, bound, direction, limit) ?? inTables.read(bound, direction, limit),
        };
  const { entries, ...cursors } = await entriesByPosition(list, page);
  return { ids: BigInt64Array.from(entries, ({ id }) => id), ...cursors, partial: false };
}

/** A page of one node's whole edges, by position, greatest first, from one statement. */
export async function edgesByPosition(
  reader: EdgeReader,
  term: Term,
  page: PageRequest,
  run: QueryRun,
  heads: Heads,
): Promise<EdgePage> {
  const { entries, ...cursors } = await entriesByPosition(tableList(reader, term, run, heads), page);
  return { edges: entries.map((row) => edgeOfRow(term.sourceId, row)), ...cursors };
}

/** The sources of a list by position. */
interface PositionList<Entry extends EntryRow> {
  positionOf(id: bigint): Promise<bigint | undefined>;
  read(
    bound: PositionBound | undefined,
    direction: { readonly older: boolean; readonly inclusive: boolean },
    limit: number,
  ): Promise<Entry[]>;
}

function tableList(reader: EdgeReader, term: Term, run: QueryRun, heads?: Heads): PositionList<EdgeEntry> {
  const { graphId, direction, sourceId, minPosition, maxPosition } = term;
  const node = reader.node(term);
  const states = ranksOf(term);
  const isWhole = minPosition === undefined && maxPosition === undefined;
  return {
    async positionOf(id) {
      const [entry] = await node.read(run, 'probe', 1, (session, tables, left) =>
        readPositions(session, tables, term.sourceId, [id], left),
      );
      return entry?.position;
    },
    async read(bound, toward, limit) {
      if (heads === undefined || bound !== undefined || !isWhole) {
        return node.read(run, 'page', limit, (session, tables, left) =>
          readByPosition(session, tables, term, states, bound, toward, limit, left),
        );
      }
      const [rows = []] = await reader.many(
        heads,
        { graphId, direction, ids: BigInt64Array.of(sourceId) },
        () => ({ sourceId, states, limit }),
        run.deadline,
      );
      return rows;
    },
  };
}

async function entriesByPosition<Entry extends EntryRow>(
  list: PositionList<Entry>,
  page: PageRequest,
): Promise<{ entries: Entry[]; nextCursor: bigint; prevCursor: bigint }> {
  const cursor = decodePositionCursor(page.cursor);
  const bound = await boundOf(cursor, (id) => list.positionOf(id));
  const older = !cursor.backwards;
  // One extra entry shows whether the list goes on; one on the near side, whether something precedes.
  const [ahead, behind] = await Promise.all([
    list.read(bound, { older, inclusive: false }, page.count + 1),
    bound === undefined ? [] : list.read(bound, { older: !older, inclusive: true }, 1),
  ]);
  const beyond = ahead[page.count];
  const entries = ahead.slice(0, page.count);
  const near = behind[0];
  if (cursor.backwards) entries.reverse();
  const first = entries[0];
  const last = entries.at(-1);
  const [before, after] = cursor.backwards ? [beyond, near] : [near, beyond];
  return {
    entries,
    nextCursor: last === undefined || after === undefined ? endCursor : encodePositionCursor(last, after, false),
    prevCursor: first === undefined || before === undefined ? endCursor : encodePositionCursor(first, before, true),
  };
}

async function boundOf(
  { edge }: PositionCursor,
  positionOf: (id: bigint) => Promise<bigint | undefined>,
): Promise<PositionBound | undefined> {
  if (edge === undefined) return undefined;
  if ('position' in edge) return { position: edge.position, id: undefined };
  const position = await positionOf(edge.id);
  if (position === undefined)
    throw new RoostError(
      'InvalidArgument',
      `the cursor names id ${edge.id}, which is not in this list: it is the cursor of another query`,
    );
  return { position, id: edge.id };
}

/**
 * A page of a compound query, greatest id first. If the query's budget ends first, the page is partial, and its
 * cursor continues from there.
 */
export async function pageById(source: IdSource, page: PageRequest, run: QueryRun): Promise<IdPage> {
  const cursor = decodeIdCursor(page.cursor);
  const rising = cursor.backwards;
  const from = cursor.id === undefined ? undefined : compactId(cursor.id);
  const [ahead, precededBy] = await Promise.all([
    source.next(from, rising, page.count + 1, run),
    from !== undefined && anyFrom(source, from, !rising, run),
  ]);
  const ids = ahead.ids.slice(0, page.count);
  const partial = ahead.ids.length <= page.count && ahead.through !== undefined;
  const more = ahead.ids.length > page.count || partial;
  // A partial page continues from the last decided id, which may lie beyond its last entry.
  const farEdge = partial ? ahead.through : ids.at(-1);
  const nearEdge = ids[0] ?? farEdge;
  const far = more && farEdge !== undefined ? encodeIdCursor(BigInt(farEdge), rising) : endCursor;
  const near = precededBy && nearEdge !== undefined ? encodeIdCursor(BigInt(nearEdge), !rising) : endCursor;
  if (rising) ids.reverse();
  return { ids: int64sOf(ids), nextCursor: rising ? near : far, prevCursor: rising ? far : near, partial };
}

/** Whether the set has this id or any beyond it; mostly it has the id, which came with the page before. */
const anyFrom = async (source: IdSource, id: CompactId, rising: boolean, run: QueryRun): Promise<boolean> =>
  (await source.probe([id], run)).size > 0 || (await source.next(id, rising, 1, run)).ids.length > 0;
