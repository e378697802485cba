import { packIds, unpackIds } from '../core/index.js';
import type { IdPage } from './values/graph.js';
import type { FlockDBTypes } from './generated.js';
import { jsonReady } from './jsonReady.js';

/** `partial` travels only where it is set, so that full pages are what FlockDB's were. */
export const idPageToThrift = ({ ids, nextCursor, prevCursor, partial }: IdPage): FlockDBTypes.Results => ({
  ids: packIds(ids),
  next_cursor: nextCursor,
  prev_cursor: prevCursor,
  ...(partial ? { partial } : {}),
});

/** A server of FlockDB's own time says nothing of partial pages: it had none. */
export const idPageFromThrift = (results: FlockDBTypes.Results): IdPage =>
  jsonReady({
    ids: unpackIds(results.ids),
    nextCursor: results.next_cursor,
    prevCursor: results.prev_cursor,
    partial: results.partial === true,
  });
