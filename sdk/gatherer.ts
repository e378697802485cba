import DataLoader from 'dataloader';
import { deadlineExceeded, limits, parseCount } from '../core/index.js';
import { checkAborted, unlessAborted } from './abort.js';
import type { CallOptions } from './channel.js';

/** A call being gathered. */
interface Open<Item, Result> {
  readonly loader: DataLoader<Item, Result>;
  /** The longest deadline of its items. */
  deadlineMs: number;
}

/**
 * Gathers items that are loaded at the same time, and with the same options, into calls of at most `maxItems`. Nothing is cached: equal items are each asked for.
 * Deadlines and signals are each item's own: the call has the longest deadline of its items, and an item that ends earlier leaves the others alone.
 */
export class Gatherer<Item, Result, Options extends CallOptions = CallOptions> {
  /** The calls being gathered, by their options. */
  readonly #open = new Map<string, Open<Item, Result>>();

  /** @param send a call that fails fails for all of its items, unless an error stands in the place of each that failed */
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
      // What comes from now on starts a call of its own, so that options used once leave nothing behind.
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

/** Ends the wait of an item whose deadline is earlier than its call's. Where it is the same, the call's own end says more. */
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
