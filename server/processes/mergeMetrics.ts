import { AggregatorRegistry, type Registry } from 'prom-client';
import type { MetricJson } from './messages.js';

/**
 * Merges the metrics of several processes: counters and histograms are added, gauges combined as each gauge declares.
 */
export const mergeMetrics = (parts: readonly (readonly MetricJson[])[]): Registry =>
  AggregatorRegistry.aggregate([...parts]) as unknown as Registry;

/**
 * Sums the metrics of processes that start and end. The last known counts of an ended process stay in the sum, so that
 * no counter falls.
 */
export class SummedMetrics<Process extends object> {
  readonly #last = new Map<Process, readonly MetricJson[]>();
  #ended: readonly MetricJson[] = [];

  /** Records the present metrics of a process. */
  heard(process: Process, metrics: readonly MetricJson[]): void {
    this.#last.set(process, metrics);
  }

  /** Records the end of a process: its counters and histograms stay, its gauges go. */
  async forget(process: Process): Promise<void> {
    const last = this.#last.get(process);
    this.#last.delete(process);
    if (last === undefined) return;
    const counted = last.filter(({ type }) => type === 'counter' || type === 'histogram');
    this.#ended = await mergeMetrics([this.#ended, counted]).getMetricsAsJSON();
  }

  /** The sum of all processes and of `own`. */
  sum(own: readonly MetricJson[]): Registry {
    return mergeMetrics([this.#ended, ...this.#last.values(), own]);
  }
}
