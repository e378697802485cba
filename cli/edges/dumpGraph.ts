import { inParallel, limits } from '../../core/index.js';
import type { ScanPage } from '../../flock/index.js';
import type { DumpFile } from './dumpFile.js';
import { pageText, type DumpFormat } from './edgeText.js';

export interface DumpOptions {
  readonly scan: (cursor: string, count: number) => Promise<ScanPage>;
  readonly format: DumpFormat;
  /** Shards read at once. */
  readonly parallel: number;
  readonly signal: AbortSignal;
  /** Called with the number of edges read, in any state. */
  readonly onEdges: (edgeCount: number) => void;
}

/**
 * Reads every shard from the cursor that the file has for it, some in parallel. The first error stops all reads;
 * pages already written count.
 */
export async function dumpGraph(
  file: DumpFile,
  { scan, format, parallel, signal, onEdges }: DumpOptions,
): Promise<void> {
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  await inParallel([...file.cursors.entries()], parallel, async ([shard, from]) => {
    try {
      for (let cursor: string | null | undefined = from; cursor != null;) {
        stop.throwIfAborted();
        const page: ScanPage = await scan(cursor, limits.pageSize);
        const { text, edgeCount } = pageText(page, format);
        await file.append(shard, text, edgeCount, page.cursor);
        onEdges(page.edges.length);
        cursor = page.cursor;
      }
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  });
}
