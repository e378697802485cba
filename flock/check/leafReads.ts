import type { Deadline } from '../../core/index.js';
import type { Gizzard, Leaf } from '../../gizzard/index.js';
import type { EdgeRecord } from '../edgeRecord.js';
import { columnTypes, expression, select, type SelectedColumn } from '../../mysql/index.js';
import { readRows } from '../storage/edgeRows.js';
import { edgesTable, rowOf, type EdgeRow } from '../storage/edgesTable.js';
import { FlockTables, type EdgeTables } from '../storage/flockTables.js';
import { rowCounts, type NodeCounts } from '../storage/nodeRows.js';
import { countColumns, idsTable, nodesTable, type CountColumn } from '../storage/nodesTable.js';
import { readNodes, type NodeRow } from '../storage/readEdges.js';

/** The key of an edge: a place in a table. */
export type EdgeKey = readonly [sourceId: bigint, destinationId: bigint];

const counterOf = (column: CountColumn) => `counter_${column}` as const;
const counters = Object.fromEntries(
  countColumns.map((column) => [counterOf(column), expression(`COALESCE(MAX(n.${column}), 0)`, columnTypes.int64)]),
) as Readonly<Record<ReturnType<typeof counterOf>, SelectedColumn<bigint>>>;
const counted = select({ ...counters, ...rowCounts });
const idOnly = select({ id: nodesTable.columns().source_id });

/** Reads one leaf, regardless of its siblings. */
export class LeafReads {
  readonly key: string;
  readonly #tables: EdgeTables;

  constructor(
    private readonly gizzard: Gizzard,
    readonly leaf: Leaf,
    private readonly tableId: number,
  ) {
    this.key = leaf.key;
    this.#tables = new FlockTables(gizzard.database).at(leaf.shard);
  }

  /** The rows after `after`, in key order. */
  async page(after: EdgeKey, limit: number, deadline: Deadline): Promise<EdgeRow[]> {
    // Two index ranges: the rest of one node, and the nodes after it. As one condition, a large node would be read
    // from its start for each page.
    const rest = await this.#range('source_id = ? AND destination_id > ?', after, limit, deadline);
    if (rest.length === limit) return rest;
    return [...rest, ...(await this.#range('source_id > ?', [after[0]], limit - rest.length, deadline))];
  }

  async #range(condition: string, values: readonly bigint[], limit: number, deadline: Deadline): Promise<EdgeRow[]> {
    const rows = await this.#host.rows(
      `SELECT ${edgesTable.list} FROM ${this.#tables.edges} FORCE INDEX (membership) WHERE ${condition} ORDER BY source_id, destination_id LIMIT ?`,
      [...values, limit],
      deadline,
    );
    return rows.map((row) => rowOf(this.tableId, row));
  }

  /** Ids after `after` of nodes that have a row or edges. */
  async nodeIds(after: bigint, limit: number, deadline: Deadline): Promise<bigint[]> {
    const rows = await this.#host.rows(
      `(SELECT ${idOnly.list} FROM ${this.#tables.nodes} WHERE source_id > ? ORDER BY source_id LIMIT ?)
       UNION (SELECT DISTINCT source_id FROM ${this.#tables.edges} WHERE source_id > ? ORDER BY source_id LIMIT ?) ORDER BY source_id LIMIT ?`,
      [after, limit, after, limit, limit],
      deadline,
    );
    return rows.map(idOnly.read.id);
  }

  /** The counters of each node and the numbers of its rows at one moment, by the place of its id. */
  async counts(ids: readonly bigint[], deadline: Deadline): Promise<NodeCounts[]> {
    // One statement is one snapshot: writes change rows and counters in one transaction, so that they agree in each.
    const rows = await this.#host.rows(
      `SELECT ${counted.list}
       FROM ${idsTable} LEFT JOIN ${this.#tables.nodes} n ON n.source_id = k.source_id LEFT JOIN ${this.#tables.edges} e ON e.source_id = k.source_id
       GROUP BY k.i ORDER BY k.i`,
      [`[${ids.join()}]`],
      deadline,
    );
    const { read } = counted;
    return rows.map((row) => ({
      counters: countColumns.map((column) => read[counterOf(column)](row)),
      rows: countColumns.map((column) => read[column](row)),
    }));
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
