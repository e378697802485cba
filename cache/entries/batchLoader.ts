import { Deadline, limits, type Observation } from '../../core/index.js';

/** Loads values by key; keys without a value are absent from the result. */
export type LoadMany<K, V> = (keys: readonly K[], deadline: Deadline) => Promise<ReadonlyMap<K, V>>;

interface Loaded<V> {
  readonly value: V | undefined;
  readonly lagging: boolean;
}

interface Waiting<V> {
  readonly promise: Promise<Loaded<V>>;
  readonly resolve: (loaded: Loaded<V>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Loads keys that cannot be cached at present, so that a missing cache does not multiply the database's work: one
 * load per key runs at a time, and callers that arrive meanwhile share the next one. A caller thus never gets a value
 * that was loaded before it asked.
 */
export class BatchLoader<K, V> {
  readonly #running = new Set<K>();
  #waiting = new Map<K, Waiting<V>>();

  constructor(private readonly load: LoadMany<K, V>) {}

  /** The deadline is not held: it learns of answers from replicas that lag. */
  async get(keys: readonly K[], deadline: Deadline): Promise<ReadonlyMap<K, V>> {
    const found = new Map<K, V>();
    const shared = keys.map((key) => {
      const waiting = this.#waiting.get(key) ?? newWaiting<V>();
      this.#waiting.set(key, waiting);
      return waiting.promise.then(({ value, lagging }) => {
        if (lagging) deadline.sawLagging();
        if (value !== undefined) found.set(key, value);
      });
    });
    this.#startWaiting();
    await Promise.all(shared);
    return found;
  }

  #startWaiting(): void {
    const batch = new Map<K, Waiting<V>>();
    for (const [key, waiting] of this.#waiting) {
      if (this.#running.has(key)) continue;
      batch.set(key, waiting);
    }
    if (batch.size === 0) return;
    for (const key of batch.keys()) {
      this.#waiting.delete(key);
      this.#running.add(key);
    }
    void this.#run(batch);
  }

  async #run(batch: ReadonlyMap<K, Waiting<V>>): Promise<void> {
    try {
      const seen: Observation = { lagging: false };
      const values = await this.load([...batch.keys()], Deadline.after(limits.defaultDeadlineMs).observed(seen));
      for (const [key, { resolve }] of batch) resolve({ value: values.get(key), lagging: seen.lagging });
    } catch (error) {
      for (const { reject } of batch.values()) reject(error);
    }
    for (const key of batch.keys()) this.#running.delete(key);
    this.#startWaiting();
  }
}

function newWaiting<V>(): Waiting<V> {
  let resolve!: (loaded: Loaded<V>) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<Loaded<V>>((resolver, rejecter) => {
    resolve = resolver;
    reject = rejecter as (error: unknown) => void;
  });
  // Callers see the error on their own promises.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
