import { createHash } from 'node:crypto';
import { jsonText, parseInt64, RoostError, type IdInput } from '../core/index.js';
import type { Query } from '../wire/index.js';

const markPattern = /^(-?\d{1,20})\.([0-9a-f]{8})$/;

/** A cursor marked with its query, for callers that keep nothing between pages; undefined at an end. */
export function markCursor(query: Query, cursor: bigint): string | undefined {
  return cursor === 0n ? undefined : `${cursor}.${markOf(query)}`;
}

/**
 * Takes a cursor marked with this query, or a plain one of any. Throws `InvalidArgument`, also for a cursor of
 * another query.
 */
export function parseCursor(query: Query, cursor: IdInput): bigint {
  const marked = typeof cursor === 'string' ? markPattern.exec(cursor) : null;
  if (marked === null) return parseInt64(cursor, 'cursor');
  if (marked[2] !== markOf(query)) {
    throw new RoostError('InvalidArgument', `the cursor ${JSON.stringify(cursor)} belongs to another query`, {
      fields: { argument: 'cursor' },
    });
  }
  return parseInt64(marked[1]!, 'cursor');
}

const markOf = (query: Query): string => createHash('sha256').update(jsonText(query)).digest('hex').slice(0, 8);
