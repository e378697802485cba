import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** How the values of a gauge in several processes of a server make one: those of what each has are added, others are of something that all of them see. */
export type AcrossProcesses = 'sum' | 'max' | 'min';

/** The registry behind `/metrics`. A process has one; each test creates its own. */
export class Metrics {
  readonly registry = new Registry();

  /** @param collect called before each scrape, for values counted elsewhere */
  counter<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    collect?: (counter: Counter<L>) => void,
  ): Counter<L> {
    return this.#once(name, () => {
      const counter: Counter<L> = new Counter({
        name,
        help,
        labelNames: [...labelNames],
        registers: [this.registry],
        ...(collect === undefined ? {} : { collect: () => collect(counter) }),
      });
      return counter;
    });
  }

  gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    collect?: (gauge: Gauge<L>) => void | Promise<void>,
    across: AcrossProcesses = 'max',
  ): Gauge<L> {
    return this.#once(name, () => {
      const gauge: Gauge<L> = new Gauge({
        name,
        help,
        labelNames: [...labelNames],
        aggregator: across,
        registers: [this.registry],
        ...(collect === undefined ? {} : { collect: () => collect(gauge) }),
      });
      return gauge;
    });
  }

  /** Observations are in seconds, as Prometheus names them. */
  histogram<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    buckets: readonly number[] = latencyBuckets,
  ): Histogram<L> {
    return this.#once(
      name,
      () =>
        new Histogram({ name, help, labelNames: [...labelNames], buckets: [...buckets], registers: [this.registry] }),
    );
  }

  /** The samples of one metric as they are now; empty where there is none of that name. Labels by name; a histogram's buckets have `le`. */
  async samples(name: string): Promise<readonly MetricSample[]> {
    const { values } = (await this.registry.getSingleMetric(name)?.get()) ?? { values: [] };
    return values as readonly MetricSample[];
  }

  #once<T>(name: string, make: () => T): T {
    const known = this.registry.getSingleMetric(name);
    return known === undefined ? make() : (known as T);
  }
}

/** One number of a metric. */
export interface MetricSample {
  /** Of histograms and summaries: the metric's name with `_bucket`, `_sum` or `_count`. */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

const latencyBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;
