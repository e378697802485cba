import type { Deadline } from '../../core/index.js';
import type { Gizzard, Leaf } from '../../gizzard/index.js';
import type { EdgeRecord } from '../edgeRecord.js';
import { edgeColumns, readRows, rowOf, type EdgeRow } from '../storage/edgeRows.js';
import { edgeTables, type EdgeTables } from '../storage/edgeTables.js';
import { readNodes, type NodeRow } from '../storage/readEdges.js';

/** A place in a table: the key of an edge. */
export type EdgeKey = readonly [sourceId: bigint, destinationId: bigint];

/** Reads of one leaf by itself, whatever its siblings hold. */
export class LeafReads {
  readonly key: string;
  readonly #tables: EdgeTables;

  constructor(
    private readonly gizzard: Gizzard,
    readonly leaf: Leaf,
    private readonly tableId: number,
  ) {
    this.key = leaf.key;
    this.#tables = edgeTables(gizzard.config.cluster, leaf.shard);
  }

  /** Rows behind `after` in the order of the keys. */
  async page(after: EdgeKey, limit: number, deadline: Deadline): Promise<EdgeRow[]> {
    // The rest of one node and the nodes behind it are two ranges of the index; as one condition, a large node would be read from its beginning for each page.
    const rest = await this.#range('source_id = ? AND destination_id > ?', after, limit, deadline);
    if (rest.length === limit) return rest;
    return [...rest, ...(await this.#range('source_id > ?', [after[0]], limit - rest.length, deadline))];
  }

  async #range(condition: string, values: readonly bigint[], limit: number, deadline: Deadline): Promise<EdgeRow[]> {
    const rows = await this.#host.rows(
      `SELECT ${edgeColumns} FROM ${this.#tables.edges} FORCE INDEX (membership) WHERE ${condition} ORDER BY source_id, destination_id LIMIT ?`,
      [...values, limit],
      deadline,
    );
    return rows.map((row) => rowOf(this.tableId, row));
  }

  /** Ids of nodes behind `after` that have a row, or edges. */
  async nodeIds(after: bigint, limit: number, deadline: Deadline): Promise<bigint[]> {
    const rows = await this.#host.rows(
      `(SELECT source_id FROM ${this.#tables.nodes} WHERE source_id > ? ORDER BY source_id LIMIT ?)
       UNION (SELECT DISTINCT source_id FROM ${this.#tables.edges} WHERE source_id > ? ORDER BY source_id LIMIT ?) ORDER BY source_id LIMIT ?`,
      [after, limit, after, limit, limit],
      deadline,
    );
    return rows.map(([id]) => BigInt(id as number));
  }

  /** How many rows each node has in each state, by the place of its id. */
  async counted(ids: readonly bigint[], deadline: Deadline): Promise<Map<number, bigint[]>> {
    const rows = await this.#host.rows(
      `SELECT k.i, e.state, COUNT(*)
       FROM JSON_TABLE(?, '$[*]' COLUMNS (i FOR ORDINALITY, s BIGINT UNSIGNED PATH '$')) k STRAIGHT_JOIN ${this.#tables.edges} e ON e.source_id = k.s
       GROUP BY k.i, e.state`,
      [`[${ids.join()}]`],
      deadline,
    );
    const counts = new Map<number, bigint[]>(ids.map((_, place) => [place, [0n, 0n, 0n, 0n]]));
    for (const [i, state, count] of rows) counts.get(Number(i) - 1)![Number(state)] = BigInt(count as number);
    return counts;
  }

  nodes(ids: readonly bigint[], deadline: Deadline): Promise<Map<number, NodeRow>> {
    return readNodes(this.#host, this.#tables, ids, deadline);
  }

  rows(keys: readonly Pick<EdgeRecord, 'tableId' | 'sourceId' | 'destinationId'>[], deadline: Deadline): Promise<Map<number, EdgeRow>> {
    return readRows(this.#host, this.#tables, keys, deadline);
  }

  get #host() {
    return this.gizzard.hosts.host(this.leaf.shard.id.hostname);
  }
}
