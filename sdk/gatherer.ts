import DataLoader from 'dataloader';
import { deadlineExceeded, limits, parseCount } from '../core/index.js';
import { checkAborted, unlessAborted } from './abort.js';
import type { CallOptions } from './channel.js';

/** A call being gathered. */
interface Open<Item, Result> {
  readonly loader: DataLoader<Item, Result>;
  /** The longest deadline among its items. */
  deadlineMs: number;
}

/**
 * Gathers items that are loaded in the same turn of the event loop with the same options into calls of at most
 * `maxItems`. It caches nothing: each equal item is asked for.
 * Each item keeps its own deadline and signal. The call has the longest deadline of its items; an item that ends
 * earlier does not affect the others.
 */
export class Gatherer<Item, Result, Options extends CallOptions = CallOptions> {
  /** The calls being gathered, by options. */
  readonly #open = new Map<string, Open<Item, Result>>();

  /**
   * @param send makes the call. If it fails, all its items fail, unless the result has an error in the place of each
   * failed item
   */
  constructor(
    private readonly send: (items: readonly Item[], options: Options) => Promise<readonly (Result | Error)[]>,
    private readonly maxItems: number,
    private readonly defaultDeadlineMs: number,
  ) {}

  /** Throws `InvalidArgument` for a deadline out of bounds. */
  load(item: Item, options: Options): Promise<Result> {
    const { deadlineMs, signal, ...shared } = options;
    const ownMs =
      deadlineMs === undefined ? this.defaultDeadlineMs : parseCount(deadlineMs, 'deadlineMs', 1, limits.maxDeadlineMs);
    checkAborted(signal);
    const call = this.#callOf(JSON.stringify(shared), shared);
    call.deadlineMs = Math.max(call.deadlineMs, ownMs);
    const loaded = call.loader.load(item);
    return deadlineMs === undefined && signal === undefined
      ? loaded
      : unlessAborted(signal, () => within(ownMs, call, loaded));
  }

  #callOf(key: string, shared: Omit<Options, keyof CallOptions>): Open<Item, Result> {
    const open = this.#open.get(key);
    if (open !== undefined) return open;
    const send = (items: readonly Item[]): Promise<readonly (Result | Error)[]> => {
      // Items from now on start another call, so that options that were used once leave nothing behind.
      if (this.#open.get(key) === call) this.#open.delete(key);
      return this.send(items, { ...shared, deadlineMs: call.deadlineMs } as Options);
    };
    const call: Open<Item, Result> = {
      loader: new DataLoader(send, { cache: false, maxBatchSize: this.maxItems }),
      deadlineMs: 0,
    };
    this.#open.set(key, call);
    return call;
  }
}

/**
 * Ends the wait of an item that has an earlier deadline than its call. With the same deadline, the error of the call
 * says more.
 */
async function within<T>(ownMs: number, call: { readonly deadlineMs: number }, loaded: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      if (call.deadlineMs > ownMs) reject(deadlineExceeded('the call'));
    }, ownMs);
  });
  try {
    return await Promise.race([loaded, late]);
  } finally {
    clearTimeout(timer);
  }
}
