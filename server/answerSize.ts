import { limits, RoostError } from '../core/index.js';

/** Throws `InvalidArgument` if pages of these sizes would not fit one message. Called before anything is read. */
export function checkAnswerSize(counts: readonly number[], entryBytes: number): void {
  const most = Math.floor(limits.messageBytes / 2 / entryBytes);
  const entries = counts.reduce((sum, count) => sum + Math.max(0, count), 0);
  if (entries > most)
    throw new RoostError(
      'InvalidArgument',
      `the pages of one call may ask for ${most} entries together, not ${entries}`,
    );
}

/** The largest count for each of some pages so that all fit one message. */
export const mostPerPage = (pages: number, entryBytes: number): number =>
  Math.max(1, Math.min(limits.pageSize, Math.floor(limits.messageBytes / 2 / entryBytes / Math.max(1, pages))));

/** Throws `InvalidArgument` for more queries than `limits.queriesPerCall`. */
export function checkQueries(queries: readonly unknown[]): void {
  if (queries.length > limits.queriesPerCall) {
    throw new RoostError(
      'InvalidArgument',
      `one call may bring ${limits.queriesPerCall} queries, not ${queries.length}`,
    );
  }
}
