import { inParallel } from '../../core/index.js';

/** The most rows in one transaction: as for jobs, locks should be short. */
const rowsPerTransaction = 1_000;
/** Fewer rows are not worth a transaction of their own. */
const leastRows = 500;
/**
 * Concurrent transactions: more than one, so that the host works on one while the next is prepared; few, so that
 * normal writes get through.
 */
const transactionsAtOnce = 3;

/**
 * Writes a page of rows in parts of one transaction each, a few at a time.
 *
 * @param group adjacent rows of one group stay in one part if they fit: two parts that lock the same row would wait
 * for each other
 */
export async function inParts<Row>(
  rows: readonly Row[],
  write: (part: readonly Row[]) => Promise<unknown>,
  group?: (row: Row) => unknown,
): Promise<void> {
  // Equal parts for each lane, so that at the end of a page none is waited for alone.
  const lanes = Math.min(transactionsAtOnce, Math.ceil(rows.length / leastRows));
  const rounds = Math.ceil(rows.length / (rowsPerTransaction * lanes));
  const rowsPerPart = Math.ceil(rows.length / (rounds * lanes));
  const endOf = (start: number): number => {
    const next = Math.min(rows.length, start + rowsPerPart);
    if (group !== undefined && next < rows.length) {
      const cutGroup = group(rows[next]!);
      const isCut = (at: number): boolean => group(rows[at]!) === cutGroup;
      const most = Math.min(rows.length, start + rowsPerTransaction);
      let [before, behind] = [next, next];
      while (before > start && isCut(before - 1)) before--;
      while (behind < most && isCut(behind)) behind++;
      const fits = behind === rows.length || !isCut(behind);
      // Ends at the group's end if it fits, else at its beginning; a group that fits no part is cut.
      if (before < next && fits) return behind;
      if (before > start) return before;
    }
    return next;
  };
  function* parts(): Generator<readonly Row[]> {
    for (let start = 0, end = 0; start < rows.length; start = end) {
      end = endOf(start);
      yield rows.slice(start, end);
    }
  }
  await inParallel(parts(), lanes, async (part) => void (await write(part)));
}
