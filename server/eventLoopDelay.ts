import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from '../process/index.js';

const resolutionMs = 5;

/**
 * Measures delays of the event loop. Each scrape of the metrics gets the maximum and the 99th percentile since the
 * previous one. Returns a function that ends it.
 */
export function watchEventLoop(metrics: Metrics): () => void {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs });
  delays.enable();
  metrics.gauge(
    'roost_event_loop_delay_seconds',
    'How long the event loop was held up since the last print: the longest, and the 99th percentile',
    ['quantile'],
    (gauge) => {
      gauge.set({ quantile: '1' }, seconds(delays.max));
      gauge.set({ quantile: '0.99' }, seconds(delays.percentile(99)));
      delays.reset();
    },
  );
  return () => void delays.disable();
}

/** Without the resolution, which the measurement itself waits for. */
const seconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - resolutionMs / 1e3);
