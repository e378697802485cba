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
  const underWay = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;

  let read = 0;
  let prefix = options.skipBatches ?? 0;
  const ahead = new Set<number>();

  const send = async (batch: EdgeBatch, place: number): Promise<void> => {
    const sentMs = performance.now();
    await options.write(batch);
    acknowledgmentMs.push(performance.now() - sentMs);
    options.onAcknowledged?.(batch.entryCount);
    ahead.add(place);
    const before = prefix;
    while (ahead.delete(prefix)) prefix++;
    if (prefix > before) options.onPrefix?.(prefix);
  };

  const batches = file.batches(options);
  try {
    for (;;) {
      options.signal.throwIfAborted();
      const next = await batches.next();
      if (next.done) {
        await Promise.all(underWay);
        if (failure !== undefined) throw failure.error;
        return {
          ...next.value,
          elapsedMs: performance.now() - startedMs,
          acknowledgmentMs: acknowledgmentMs.sort((a, b) => a - b),
        };
      }
      const place = read++;
      if (place < (options.skipBatches ?? 0)) {
        options.onAcknowledged?.(next.value.entryCount);
        continue;
      }
      await options.pace?.admit(next.value.entryCount);
      const sending: Promise<void> = send(next.value, place)
        .catch((error: unknown) => void (failure ??= { error }))
        .finally(() => underWay.delete(sending));
      underWay.add(sending);
      while (underWay.size >= options.inFlight) await Promise.race(underWay);
      if (failure !== undefined) throw failure.error;
    }
  } finally {
    await batches.return(undefined as never);
    await Promise.all(underWay);
  }
}

/** The value below which a share of the sorted values lies; 0 if there are no values. */
export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
