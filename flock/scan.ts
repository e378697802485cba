import { type Deadline, limits, maxId, parseCount, RoostError, type Micros } from '../core/index.js';
import type { Gizzard, Route } from '../gizzard/index.js';
import { select, type DatabaseHost, type SqlSession } from '../mysql/index.js';
import { deadlineOf, type Direction, type Edge, type EdgeState, type ReadOptions } from '../wire/index.js';
import { neverPositioned } from './edgeRecord.js';
import { requireGraph, tableIdOf } from './graphs.js';
import { stateOfRank } from './states.js';
import { edgesTable, rowOf, type EdgeRow } from './storage/edgesTable.js';
import { FlockTables, type EdgeTables } from './storage/flockTables.js';
import { nodesTable, registersOf } from './storage/nodesTable.js';

/** An edge with all its registers: enough to write it again. `state` is the state that queries see. */
export interface StoredEdge extends Edge {
  /** The edge's own state, set at `updatedAt`; its nodes may hide it. */
  readonly ownState: EdgeState;
  /** The time of the position; undefined if no add or negate has set one. */
  readonly positionedAt: Micros | undefined;
}

/** The registers of mass operations on a node. */
export interface StoredNode {
  readonly id: bigint;
  readonly direction: Direction;
  readonly color: EdgeState;
  readonly coloredAt: Micros;
  /** −1 without a mass removal. */
  readonly removedThrough: Micros;
}

export interface ScanPage {
  readonly edges: readonly StoredEdge[];
  /** Only nodes that a mass operation has touched. */
  readonly nodes: readonly StoredNode[];
  /** The cursor of the next page; undefined at the end of the shard. */
  readonly cursor: string | undefined;
}

/** A place in a shard: its forwarding and the key of the last row read. Edges come before nodes. */
interface Place {
  readonly direction: Direction;
  readonly baseId: bigint;
  readonly rows: 'edges' | 'nodes';
  /** Undefined at the first row. */
  readonly after: { readonly sourceId: bigint; readonly destinationId: bigint } | undefined;
}

/**
 * Cursors at the start of each shard. Together, scans from them yield every edge once, from its forward row, and
 * every touched node once per direction. An edge written meanwhile comes in its old or new form. If shards move
 * meanwhile, a row may come twice.
 */
export function scanStarts(gizzard: Gizzard, graphId: number): readonly string[] {
  requireGraph(gizzard.topology, graphId);
  return (['forward', 'backward'] as const).flatMap((direction) => {
    const met = new Set<Route>();
    return gizzard.topology.intervals(tableIdOf(graphId, direction)).flatMap(({ baseId, route }) => {
      // Two forwardings may lead to one shard.
      if (met.has(route)) return [];
      met.add(route);
      return [encode({ direction, baseId, rows: direction === 'forward' ? 'edges' : 'nodes', after: undefined })];
    });
  });
}

/**
 * The next `count` rows of a shard, 1 … limits.pageSize, in key order. Throws `InvalidArgument` for a malformed
 * cursor.
 */
export async function scan(
  gizzard: Gizzard,
  graphId: number,
  cursor: string,
  count: number,
  options: ReadOptions = {},
): Promise<ScanPage> {
  parseCount(count, 'count', 1, limits.pageSize);
  const deadline = deadlineOf(options);
  requireGraph(gizzard.topology, graphId);
  const place = decode(cursor);
  const tableId = tableIdOf(graphId, place.direction);
  const { topology } = gizzard;
  // The last base id at or below: the shard may have been merged with its predecessor since.
  const route = topology.intervals(tableId).findLast(({ baseId }) => baseId <= place.baseId)!.route;
  /** A shard that was split may still hold rows that now belong to another. */
  const isHere = (sourceId: bigint): boolean => topology.route(tableId, sourceId) === route;
  return gizzard.read(route, deadline, async (host: DatabaseHost, leaf, left) => {
    const tables = new FlockTables(gizzard.database).at(leaf.shard);
    if (place.rows === 'nodes') {
      const nodes = await readTouched(host, tables, place, count, left);
      const last = nodes.at(-1);
      const next =
        last === undefined || nodes.length < count
          ? undefined
          : encode({ ...place, after: { sourceId: last.id, destinationId: 0n } });
      return { edges: [], nodes: nodes.filter(({ id }) => isHere(id)), cursor: next };
    }
    const rows = await readRowsAfter(host, tables, tableId, place.after, count, left);
    const last = rows.at(-1)?.record;
    const after =
      last === undefined || rows.length < count
        ? undefined
        : { sourceId: last.sourceId, destinationId: last.destinationId };
    return {
      edges: rows.filter(({ record }) => isHere(record.sourceId)).map(edgeOf),
      nodes: [],
      cursor: encode(after === undefined ? { ...place, rows: 'nodes', after } : { ...place, after }),
    };
  });
}

/**
 * Every edge of a graph once, in pages of up to `count`; see `scanStarts` for the effect of concurrent writes and
 * moves.
 */
export async function* scanEdges(
  gizzard: Gizzard,
  graphId: number,
  count: number,
  options?: ReadOptions,
): AsyncGenerator<readonly StoredEdge[], void> {
  for (const start of scanStarts(gizzard, graphId)) {
    let cursor: string | undefined = start;
    while (cursor !== undefined && decode(cursor).rows === 'edges') {
      const page: ScanPage = await scan(gizzard, graphId, cursor, count, options);
      if (page.edges.length > 0) yield page.edges;
      cursor = page.cursor;
    }
  }
}

/** First the rest of one node's edges, then the edges of the following nodes: one index range each. */
async function readRowsAfter(
  session: SqlSession,
  tables: EdgeTables,
  tableId: number,
  after: Place['after'],
  count: number,
  deadline: Deadline,
): Promise<EdgeRow[]> {
  const read = async (where: string, values: readonly bigint[], limit: number): Promise<EdgeRow[]> => {
    const rows = await session.rows(
      `SELECT ${edgesTable.list} FROM ${tables.edges} FORCE INDEX (membership) ${where} ORDER BY source_id, destination_id LIMIT ?`,
      [...values, limit],
      deadline,
    );
    return rows.map((row) => rowOf(tableId, row));
  };
  if (after === undefined) return read('', [], count);
  const sameNode = await read(
    'WHERE source_id = ? AND destination_id > ?',
    [after.sourceId, after.destinationId],
    count,
  );
  if (sameNode.length === count) return sameNode;
  return [...sameNode, ...(await read('WHERE source_id > ?', [after.sourceId], count - sameNode.length))];
}

async function readTouched(
  session: SqlSession,
  tables: EdgeTables,
  { direction, after }: Place,
  count: number,
  deadline: Deadline,
): Promise<StoredNode[]> {
  const { color, colored_at: coloredAt, removed_through: removedThrough } = nodesTable.stored;
  const rows = await session.rows(
    `SELECT ${touched.list} FROM ${tables.nodes}
     WHERE ${after === undefined ? '' : 'source_id > ? AND '}(${coloredAt} > 0 OR ${color} > 0 OR ${removedThrough} >= 0) ORDER BY source_id LIMIT ?`,
    [...(after === undefined ? [] : [after.sourceId]), count],
    deadline,
  );
  return rows.map((row) => {
    const registers = registersOf(touched.read, row);
    return { id: touched.read.source_id(row), direction, ...registers, color: stateOfRank(registers.color) };
  });
}

const { source_id, color, colored_at, removed_through } = nodesTable.columns();
const touched = select({ source_id, color, colored_at, removed_through });

const edgeOf = ({ record, visible }: EdgeRow): StoredEdge => ({
  sourceId: record.sourceId,
  destinationId: record.destinationId,
  position: record.position,
  updatedAt: record.updatedAt,
  state: stateOfRank(visible),
  ownState: stateOfRank(record.ownState),
  positionedAt: record.positionedAt === neverPositioned ? undefined : record.positionedAt,
});

const encode = ({ direction, baseId, rows, after }: Place): string =>
  [direction, baseId, rows, ...(after === undefined ? [] : [after.sourceId, after.destinationId])].join('.');

const cursorPattern = /^(forward|backward)\.(\d{1,19})\.(edges|nodes)(?:\.(\d{1,19})\.(\d{1,19}))?$/;

function decode(cursor: string): Place {
  const [, direction, baseId, rows, sourceId, destinationId] = cursorPattern.exec(cursor) ?? [];
  const numbers = [baseId, sourceId, destinationId].filter((text) => text !== undefined).map(BigInt);
  if (
    direction === undefined ||
    numbers.some((number) => number > maxId) ||
    (direction === 'backward' && rows === 'edges')
  ) {
    throw new RoostError('InvalidArgument', `${JSON.stringify(cursor.slice(0, 100))} is not the cursor of a scan`, {
      fields: { argument: 'cursor' },
    });
  }
  return {
    direction: direction as Direction,
    baseId: BigInt(baseId!),
    rows: rows as Place['rows'],
    after: sourceId === undefined ? undefined : { sourceId: BigInt(sourceId), destinationId: BigInt(destinationId!) },
  };
}
