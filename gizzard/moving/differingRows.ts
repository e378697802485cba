import { Deadline } from '../../core/index.js';
import type { Host } from '../backend.js';
import type { ShardInfo } from '../topology/types.js';
import type { MovableTable } from './movable.js';
import type { Difference } from './moveTask.js';
import { PageMover } from './pageMover.js';
import type { MovedPage } from './pages.js';

const rowsPerPage = 2_000;
const pageDeadlineMs = 30_000;

/**
 * Rows of a table that differ between the replicas of a shard, page by page, until there are more than `most`. Equal
 * replicas are compared by digests, without reading rows. Derived values, such as counters, are not checked against
 * their rows.
 */
export async function differingRows<Row>(
  table: MovableTable<Row>,
  replicas: readonly ShardInfo[],
  host: (name: string) => Host,
  most: number,
  signal?: AbortSignal,
): Promise<Difference[]> {
  const { contradictions: _, ...rowsAlone } = table;
  const pages = new PageMover({ kind: 'diff', sources: replicas, targets: [] }, host);
  const found: Difference[] = [];
  for (let after: string | undefined = ''; after !== undefined && found.length <= most;) {
    signal?.throwIfAborted();
    const page: MovedPage = await pages.move(rowsAlone, after, rowsPerPage, Deadline.after(pageDeadlineMs));
    found.push(...page.differences);
    after = page.end;
  }
  return found;
}
