import DataLoader from 'dataloader';

/** Gathers items that are loaded at the same time, and with the same options, into calls of at most `maxItems`. Nothing is cached: equal items are each asked for. */
export class Gatherer<Item, Result, Options extends object> {
  /** The calls being gathered, by their options. */
  readonly #open = new Map<string, DataLoader<Item, Result>>();

  /** @param send a call that fails fails for all of its items, unless an error stands in the place of each that failed */
  constructor(
    private readonly send: (items: readonly Item[], options: Options) => Promise<readonly (Result | Error)[]>,
    private readonly maxItems: number,
  ) {}

  load(item: Item, options: Options): Promise<Result> {
    const key = JSON.stringify(options);
    let loader = this.#open.get(key);
    if (loader === undefined) {
      const send = (items: readonly Item[]): Promise<readonly (Result | Error)[]> => {
        // What comes from now on starts a call of its own, so that options used once leave nothing behind.
        this.#open.delete(key);
        return this.send(items, options);
      };
      loader = new DataLoader(send, { cache: false, maxBatchSize: this.maxItems });
      this.#open.set(key, loader);
    }
    return loader.load(item);
  }
}
