import { inOrder } from '../../core/index.js';
import type { Pace } from '../console/pace.js';
import type { EdgeFile, EdgeFileSummary } from './edgeFile.js';
import type { EdgeBatch } from './edgeParser.js';

export interface LoadEdgesOptions {
  /** Writes one batch; resolves once the server has acknowledged it. */
  readonly write: (batch: EdgeBatch) => Promise<void>;
  /** Batches in flight; together with the batch size, bounds the memory. */
  readonly inFlight: number;
  readonly skipBad: boolean;
  readonly signal: AbortSignal;
  /** The number of batches that an earlier run has written; they are read and skipped. */
  readonly skipBatches?: number;
  /** Called with the number of batches, counted from the start of the file, that are all written. */
  readonly onPrefix?: (batchCount: number) => void;
  readonly onAcknowledged?: (entryCount: number) => void;
  /** Holds batches back until they may be sent. */
  readonly pace?: Pick<Pace, 'admit'>;
}

export interface LoadedEdges extends EdgeFileSummary {
  readonly elapsedMs: number;
  /** How long each batch waited for its acknowledgment, ascending. */
  readonly acknowledgmentMs: readonly number[];
}

/**
 * Writes every edge of a file, with several batches in flight. The first error stops the load; waits for the batches
 * in flight.
 */
export async function loadEdges(file: EdgeFile, options: LoadEdgesOptions): Promise<LoadedEdges> {
  const startedMs = performance.now();
  const acknowledgmentMs: number[] = [];
  const { skipBatches = 0, signal, pace, onAcknowledged, onPrefix } = options;
  let summary: EdgeFileSummary | undefined;

  async function* batches(): AsyncGenerator<{ readonly batch: EdgeBatch; readonly through: number }> {
    const all = file.batches(options);
    try {
      for (let through = 1; ; through++) {
        signal.throwIfAborted();
        const next = await all.next();
        if (next.done) {
          summary = next.value;
          return;
        }
        const batch = next.value;
        if (through <= skipBatches) {
          onAcknowledged?.(batch.entryCount);
          continue;
        }
        await pace?.admit(batch.entryCount);
        yield { batch, through };
      }
    } finally {
      await all.return(undefined as never);
    }
  }
  await inOrder(
    batches(),
    options.inFlight,
    async ({ batch, through }) => {
      const sentMs = performance.now();
      await options.write(batch);
      acknowledgmentMs.push(performance.now() - sentMs);
      onAcknowledged?.(batch.entryCount);
      return through;
    },
    (through) => onPrefix?.(through),
  );
  return {
    ...summary!,
    elapsedMs: performance.now() - startedMs,
    acknowledgmentMs: acknowledgmentMs.sort((a, b) => a - b),
  };
}

/** The value below which a share of the sorted values lies; 0 if there are no values. */
export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
