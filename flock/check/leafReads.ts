import type { Deadline } from '../../core/index.js';
import type { Gizzard, Leaf } from '../../gizzard/index.js';
import type { EdgeRecord } from '../edgeRecord.js';
import { edgeColumns, readRows, rowOf, type EdgeRow } from '../storage/edgeRows.js';
import { edgeTables, type EdgeTables } from '../storage/edgeTables.js';
import { readNodes, type NodeRow } from '../storage/readEdges.js';

/** A place in a table: the key of an edge. */
export type EdgeKey = readonly [sourceId: bigint, destinationId: bigint];

/** By rank of state. */
export interface NodeCounts {
  readonly counters: readonly bigint[];
  readonly rows: readonly bigint[];
}

const counterColumns = ['normal_count', 'negative_count', 'archived_count', 'removed_count'] as const;

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

  /** The counters of each node and the numbers of its rows, of one moment, by the place of its id. */
  async counts(ids: readonly bigint[], deadline: Deadline): Promise<NodeCounts[]> {
    // One statement is one snapshot: writes change rows and counters in one transaction, so that they agree in each.
    const rows = await this.#host.rows(
      `SELECT ${counterColumns.map((column) => `COALESCE(MAX(n.${column}), 0)`).join()}, ${counterColumns.map((_, rank) => `COALESCE(SUM(e.state = ${rank}), 0)`).join()}
       FROM JSON_TABLE(?, '$[*]' COLUMNS (i FOR ORDINALITY, s BIGINT UNSIGNED PATH '$')) k
       LEFT JOIN ${this.#tables.nodes} n ON n.source_id = k.s LEFT JOIN ${this.#tables.edges} e ON e.source_id = k.s
       GROUP BY k.i ORDER BY k.i`,
      [`[${ids.join()}]`],
      deadline,
    );
    return rows.map((row) => {
      const numbers = row.map((column) => BigInt(column as number | string));
      return { counters: numbers.slice(0, counterColumns.length), rows: numbers.slice(counterColumns.length) };
    });
  }

  nodes(ids: readonly bigint[], deadline: Deadline): Promise<Map<number, NodeRow>> {
    return readNodes(this.#host, this.#tables, ids, deadline);
  }

  rows(
    keys: readonly Pick<EdgeRecord, 'tableId' | 'sourceId' | 'destinationId'>[],
    deadline: Deadline,
  ): Promise<Map<number, EdgeRow>> {
    return readRows(this.#host, this.#tables, keys, deadline);
  }

  get #host() {
    return this.gizzard.mysql.host(this.leaf.shard.id.hostname);
  }
}
