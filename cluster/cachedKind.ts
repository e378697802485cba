import { inspectCache, type InspectOptions, type InspectReport, type LeasedCache } from '../cache/index.js';

/** An option of `roost cache inspect` that says where the keys of some kinds belong. */
export interface KeyOption {
  /** As the command line has it: `--graph <name>`. */
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
  readonly default?: string;
}

/** The values of the key options, by name in camelCase. */
export type KeyOptions = Readonly<Record<string, string | undefined>>;

/** A kind of cached entries, as operators see it. */
export interface CachedKind {
  readonly kind: string;
  /** Compares entries with the database; without `keys`, those that the nodes hold. Keys come and go as people write them. */
  inspect(
    keys: readonly string[] | undefined,
    options: Pick<InspectOptions<string>, 'sample' | 'settleMs'>,
  ): Promise<InspectReport<string>>;
}

/** What a store keeps on the cache nodes. Commands find, warm, flush and count entries by the names of their caches. */
export interface CachedKinds<Opened> {
  /** Every kind there may be, for help texts and the check of arguments. */
  readonly names: readonly string[];
  readonly keyOptions?: readonly KeyOption[];
  /** Those that are cached here. */
  of(opened: Opened, options: KeyOptions): readonly CachedKind[];
}

/**
 * A kind whose entries stand in one cache.
 *
 * @param parseKey a key as the cache has it
 * @param parseArgument a key as people write it
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
