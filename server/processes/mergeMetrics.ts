import { AggregatorRegistry, type Registry } from 'prom-client';
import type { MetricJson } from './messages.js';

/** The metrics of several processes as those of one: counters and histograms are added, gauges as each says of itself. */
export const mergeMetrics = (parts: readonly (readonly MetricJson[])[]): Registry =>
  AggregatorRegistry.aggregate([...parts]) as unknown as Registry;

/**
 * The metrics of processes that come and go. What one that has ended counted stays in the sum, as far as it was heard: counters of the whole never fall.
 */
export class SummedMetrics<Process extends object> {
  readonly #last = new Map<Process, readonly MetricJson[]>();
  #ended: readonly MetricJson[] = [];

  /** What a process says of itself now. */
  heard(process: Process, metrics: readonly MetricJson[]): void {
    this.#last.set(process, metrics);
  }

  /** A process says nothing any more. */
  async forget(process: Process): Promise<void> {
    const last = this.#last.get(process);
    this.#last.delete(process);
    if (last === undefined) return;
    const counted = last.filter(({ type }) => type === 'counter' || type === 'histogram');
    this.#ended = await mergeMetrics([this.#ended, counted]).getMetricsAsJSON();
  }

  /** All of it, and `own`. */
  sum(own: readonly MetricJson[]): Registry {
    return mergeMetrics([this.#ended, ...this.#last.values(), own]);
  }
}
