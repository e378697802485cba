/** Metrics of all running servers together, each counted since the start of its server. */
export interface ServerCounts {
  /** The servers that were asked. */
  readonly servers: number;
  /** The sum of a sample; 0 if no server has it. */
  total(name: string, labels?: Labels): number;
  /** The growth of that sum over the last seconds; null until it is known. */
  perSecond(name: string, labels?: Labels): number | null;
  /**
   * The upper bounds of the buckets of a histogram that hold the quantiles; undefined if it is empty. `Infinity` for
   * the last bucket.
   */
  quantiles(name: string, wanted: readonly number[]): number[] | undefined;
}

type Labels = Readonly<Record<string, string | number>>;

/** The key of a sample among those of all metrics: its name and its labels in order. */
export const sampleKey = (name: string, labels: Labels = {}): string =>
  [
    name,
    ...Object.entries(labels)
      .map(([label, value]) => `${label}="${value}"`)
      .sort(),
  ].join(' ');

/** The counts that sums of samples make, by their keys. */
export function serverCounts(
  servers: number,
  sums: ReadonlyMap<string, number>,
  perSecond: (key: string) => number | null,
): ServerCounts {
  const total = (name: string, labels?: Labels): number => sums.get(sampleKey(name, labels)) ?? 0;
  return {
    servers,
    total,
    perSecond: (name, labels) => perSecond(sampleKey(name, labels)),
    quantiles(name, wanted) {
      const count = total(`${name}_count`);
      if (count === 0) return undefined;
      const buckets = Array.from(sums, ([key, below]) => {
        const [, end] = new RegExp(`^${name}_bucket le="([^"]+)"$`).exec(key) ?? [];
        return { end: end === '+Inf' ? Infinity : Number(end ?? NaN), below };
      })
        .filter(({ end }) => !Number.isNaN(end))
        .sort((a, b) => a.end - b.end);
      return wanted.map((quantile) => buckets.find(({ below }) => below >= quantile * count)?.end ?? Infinity);
    },
  };
}
