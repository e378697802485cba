import { z } from 'zod';
import { RoostError } from '../core/index.js';
import type { MovableTable, SavedCell, SavedRows, ShardInfo } from '../gizzard/index.js';

const headSchema = z.object({
  tableId: z.int(),
  type: z.string(),
  table: z.string(),
  columns: z.array(z.string()),
});
/** The first line of an object of rows: the topology's table, the shard type, and the shard's table with its columns. */
export type RowsHead = z.output<typeof headSchema>;

export const headLine = (head: RowsHead): string => `${JSON.stringify(head)}\n`;

export const rowLines = <Row>(saved: SavedRows<Row>, rows: readonly Row[]): string =>
  rows.map((row) => `${JSON.stringify(saved.cells(row))}\n`).join('');

/** Throws `DataLoss` if the line is malformed. */
export function parseHead(line: string | undefined, name: string): RowsHead {
  const parsed = headSchema.safeParse(parsedJson(line, name));
  if (parsed.success) return parsed.data;
  throw unreadable(name, parsed.error);
}

/**
 * Returns a function that parses rows from lines. Throws `FailedPrecondition` if the head names columns that this
 * release does not know.
 */
export function rowReader(
  name: string,
  { columns }: RowsHead,
  { name: table, saved }: MovableTable,
  shard: ShardInfo,
): (line: string) => unknown {
  const unknown = columns.filter((column) => saved === 'derived' || !saved.columns.includes(column));
  if (saved === 'derived' || unknown.length > 0)
    throw new RoostError(
      'FailedPrecondition',
      `${name} holds columns of ${table} that this release of roost does not know: ${unknown.join(', ')}`,
      { fields: { object: name } },
    );
  const places = saved.columns.map((column) => columns.indexOf(column));
  return (line) => {
    const cells = parsedJson(line, name) as readonly SavedCell[];
    if (!(cells instanceof Array) || cells.length !== columns.length) throw unreadable(name);
    return saved.row(
      places.map((place) => cells[place] ?? null),
      shard,
    );
  };
}

function parsedJson(line: string | undefined, name: string): unknown {
  try {
    return JSON.parse(line ?? '') as unknown;
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

const unreadable = (name: string, cause?: unknown): RoostError =>
  new RoostError('DataLoss', `${name} holds no rows of a dump`, { cause, fields: { object: name } });
