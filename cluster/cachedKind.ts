import { inspectCache, type InspectOptions, type InspectReport, type LeasedCache } from '../cache/index.js';

/** An option of `roost cache inspect` that some kinds need to interpret keys. */
export interface KeyOption {
  /** As commander takes it: `--graph <name>`. */
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
  readonly default?: string;
}

/** Values of the key options, by camelCase name. */
export type KeyOptions = Readonly<Record<string, string | undefined>>;

/** A kind of cached entries, as operators see it. */
export interface CachedKind {
  readonly kind: string;
  /**
   * Compares entries with the database; without `keys`, the entries that the nodes hold. Keys are given and returned
   * as people write them.
   */
  inspect(
    keys: readonly string[] | undefined,
    options: Pick<InspectOptions<string>, 'sample' | 'settleMs'>,
  ): Promise<InspectReport<string>>;
}

/** The store's entries on the cache nodes. Commands find, warm, flush and count them by the names of their caches. */
export interface CachedKinds<Opened> {
  /** Every possible kind, for help texts and the check of arguments. */
  readonly names: readonly string[];
  /** Sentences about kinds and keys, for the help. Absent: keys are ids. */
  readonly about?: string;
  readonly keyOptions?: readonly KeyOption[];
  /** The kinds that this cluster caches. */
  of(opened: Opened, options: KeyOptions): readonly CachedKind[];
}

/**
 * A kind of entries that one cache holds.
 *
 * @param parseKey parses a key as the cache has it
 * @param parseArgument parses a key as people write it
 */
export const cachedKind = <K extends bigint | string, V>(
  kind: string,
  cache: LeasedCache<K, V>,
  {
    parseKey,
    parseArgument = parseKey,
    describe = String,
  }: {
    readonly parseKey: (text: string) => K;
    readonly parseArgument?: (text: string) => K;
    readonly describe?: (key: K) => string;
  },
): CachedKind => ({
  kind,
  async inspect(keys, options) {
    const { stale, ...counts } = await inspectCache(cache, parseKey, {
      ...options,
      ...(keys && { keys: keys.map((key) => parseArgument(key)) }),
    });
    return { ...counts, stale: stale.map((entry) => ({ ...entry, key: describe(entry.key) })) };
  },
});
