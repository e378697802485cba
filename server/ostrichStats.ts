import type { Registry } from 'prom-client';
import type { MetricSample } from '../process/index.js';

/** Metrics in Ostrich's form, which tools of Gizzard's time read. */
export interface OstrichStats {
  readonly counters: Readonly<Record<string, number>>;
  readonly gauges: Readonly<Record<string, number>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Distributions. Times are in seconds. */
  readonly metrics: Readonly<
    Record<string, { readonly average: number; readonly count: number; readonly sum: number }>
  >;
}

/** Each metric by its name and the values of its labels: `roost_jobs_total-priority_high-outcome_applied`. */
export async function ostrichStats(registry: Registry): Promise<OstrichStats> {
  const counters: Record<string, number> = {};
  const gauges: Record<string, number> = {};
  const sums = new Map<string, { count: number; sum: number }>();
  for (const { name, type, values } of await registry.getMetricsAsJSON()) {
    for (const value of values as readonly MetricSample[]) {
      const { le: _bucket, quantile: _quantile, ...labels } = value.labels;
      const key = Object.entries(labels).reduce((text, [label, of]) => `${text}-${label}_${of}`, name);
      if (String(type) === 'counter') counters[key] = value.value;
      else if (String(type) === 'gauge') gauges[key] = value.value;
      else if (value.metricName === `${name}_sum` || value.metricName === `${name}_count`) {
        const known = sums.get(key) ?? { count: 0, sum: 0 };
        sums.set(
          key,
          value.metricName === `${name}_sum` ? { ...known, sum: value.value } : { ...known, count: value.value },
        );
      }
    }
  }
  const metrics = Object.fromEntries(
    Array.from(sums, ([key, { count, sum }]) => [key, { average: count === 0 ? 0 : sum / count, count, sum }]),
  );
  return { counters, gauges, labels: {}, metrics };
}

/** A map in Ostrich's text form: sorted lines of `key: value`, nested keys indented by two. */
export function ostrichText(map: object): string {
  return Object.entries(map)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => {
      if (typeof value !== 'object' || value === null) return `${key}: ${String(value)}`;
      if (Array.isArray(value))
        return `${key}: ${value.map((each) => (typeof each === 'object' ? inline(each as object) : String(each))).join(', ')}`;
      const below = ostrichText(value as object);
      return below === '' ? `${key}:` : `${key}:\n${below.replaceAll(/^/gm, '  ')}`;
    })
    .join('\n');
}

/** A distribution in Ostrich's form: `(average=2, count=3, sum=6)`. */
export const inline = (map: object): string =>
  `(${Object.entries(map)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(', ')})`;
