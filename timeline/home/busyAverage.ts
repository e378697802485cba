/** Items after which older ones count half. */
const window = 50_000;
/** A single measurement counts as at most so many times the average: a process that was paused for a minute says nothing about what an item costs. */
const outlier = 20;

/**
 * What an item costs: the time during which at least one piece of work was under way, by the items that were done in it. Work that runs side by side counts once, so that the average is one of throughput; older
 * items count less and less.
 */
export class BusyAverage {
  #seconds: number;
  #items: number;
  #underWay = 0;
  #sinceMs = 0;

  /** @param expected seconds of an item before anything is measured, which counts as so many items */
  constructor(expected: number, weight: number) {
    this.#seconds = expected * weight;
    this.#items = weight;
  }

  /** Seconds of an item. */
  get seconds(): number {
    return this.#seconds / this.#items;
  }

  /** Does a piece of work, and measures it by the items that it then says to have done. 0: it is not counted. */
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
