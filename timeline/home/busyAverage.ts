/** Items after which older ones count half. */
const window = 50_000;
/**
 * A measurement counts as at most this many times the average: a process that stood still for a minute says nothing
 * about an item's cost.
 */
const outlier = 20;

/**
 * The average cost of an item: the time during which at least one piece of work ran, divided by the items done.
 * Concurrent work counts once, so that this is an average of throughput; older items count less and less.
 */
export class BusyAverage {
  #seconds: number;
  #items: number;
  #underWay = 0;
  #sinceMs = 0;

  /** @param expected seconds per item before any measurement, which weighs as much as `weight` items */
  constructor(expected: number, weight: number) {
    this.#seconds = expected * weight;
    this.#items = weight;
  }

  /** Seconds per item. */
  get seconds(): number {
    return this.#seconds / this.#items;
  }

  /** Runs work, and measures it by the number of items that it reports. 0: not counted. */
  async measure<T>(
    work: () => Promise<T>,
    itemsOf: (answer: T) => number,
    onMeasured: (items: number, predicted: number, real: number) => void = () => undefined,
  ): Promise<T> {
    if (this.#underWay++ === 0) this.#sinceMs = performance.now();
    let items = 0;
    try {
      const answer = await work();
      items = itemsOf(answer);
      return answer;
    } finally {
      this.#underWay--;
      if (items > 0) {
        const nowMs = performance.now();
        const predicted = items * this.seconds;
        const real = (nowMs - this.#sinceMs) / 1_000;
        this.#sinceMs = nowMs;
        onMeasured(items, predicted, real);
        this.#seconds += Math.min(real, predicted * outlier);
        this.#items += items;
        if (this.#items > window) {
          this.#seconds /= 2;
          this.#items /= 2;
        }
      }
    }
  }
}
