import { chunks, Deadline, limits, whatStays } from '../../core/index.js';
import type { Found } from '../entries/entryStore.js';
import type { LeasedCache } from '../entries/leasedCache.js';
import { storedNames } from '../ring/entryNames.js';

export interface InspectOptions<K> {
  /** Only these keys. Absent: the keys that the nodes hold. */
  readonly keys?: readonly K[];
  /** The most entries to compare; if there are more, a random sample. Absent: 10,000. */
  readonly sample?: number;
  /**
   * A difference counts once it has lasted this long unchanged: a write needs a moment from the database to the
   * cache. Absent: 5 s, the longest that a write may take.
   */
  readonly settleMs?: number;
}

/** An entry that differs from the database. */
export interface StaleEntry<K> {
  readonly key: K;
  readonly node: string;
  readonly name: string;
  /** Both sides in the cache's encoding, as hexadecimal digits; undefined for absence. */
  readonly cached: string | undefined;
  readonly stored: string | undefined;
}

export interface InspectReport<K> {
  /** Entries compared with the database. */
  readonly compared: number;
  /** Keys that are not cached; without given keys, those that have left meanwhile. */
  readonly missing: number;
  /** Keys on nodes that do not answer. */
  readonly unreachable: number;
  readonly stale: readonly StaleEntry<K>[];
}

const keysAtOnce = 500;
const defaultSettleMs = 5_000;
const looksAgain = 2;

/** Compares a cache with its loader while both are read and written. */
export async function inspectCache<K extends bigint | string, V>(
  cache: LeasedCache<K, V>,
  parseKey: (text: string) => K,
  options: InspectOptions<K> = {},
): Promise<InspectReport<K>> {
  if (cache.store === undefined) return { compared: 0, missing: options.keys?.length ?? 0, unreachable: 0, stale: [] };
  const keys = options.keys ?? (await sampleKeys(cache, parseKey, options.sample ?? 10_000));
  let compared = 0;
  let missing = 0;
  let unreachable = 0;
  const suspects: Difference<K>[] = [];
  for (const some of chunks(keys, keysAtOnce)) {
    const part = await compare(cache, some);
    compared += part.compared;
    missing += part.missing;
    unreachable += part.unreachable;
    suspects.push(...part.differences);
  }
  const settleMs = options.settleMs ?? defaultSettleMs;
  const compareAgain = async (left: readonly Difference<K>[]): Promise<readonly Difference<K>[]> => {
    const again: Difference<K>[] = [];
    for (const part of chunks(left, keysAtOnce)) {
      const { differences, unreachable: lost } = await compare(
        cache,
        part.map(({ key }) => key),
      );
      unreachable += lost;
      const before = new Map(part.map((each) => [each.key, each]));
      // Still the same entry and still different: nobody is about to correct it.
      again.push(...differences.filter(({ key, cas }) => before.get(key)!.cas.equals(cas)));
    }
    return again;
  };
  const stale = await whatStays(
    suspects,
    compareAgain,
    Array.from({ length: looksAgain }, () => settleMs / looksAgain),
  );
  return {
    compared,
    missing,
    unreachable,
    stale: stale.map(({ key, node, name, cached, stored }) => ({ key, node, name, cached, stored })),
  };
}

interface Difference<K> extends StaleEntry<K> {
  readonly cas: Buffer;
}

async function compare<K extends bigint | string, V>(
  cache: LeasedCache<K, V>,
  keys: readonly K[],
): Promise<{
  readonly compared: number;
  readonly missing: number;
  readonly unreachable: number;
  readonly differences: Difference<K>[];
}> {
  const looks = await cache.store!.look(keys.map(String));
  const cached = keys.flatMap((key, place) => {
    const look = looks[place]!;
    return look.kind === 'value' || look.kind === 'absent' ? [{ key, look }] : [];
  });
  const stored = await cache.options.load(
    cached.map(({ key }) => key),
    Deadline.after(limits.defaultDeadlineMs),
  );
  const differences = cached.flatMap(({ key, look }) => {
    const value = stored.get(key);
    return agree(cache, look, value)
      ? []
      : [
          {
            key,
            node: look.target.node.name,
            name: look.target.name,
            cached: hex(cache, look.kind === 'value' ? look.value : undefined),
            stored: hex(cache, value),
            cas: look.held.cas,
          },
        ];
  });
  const unreachable = looks.filter(({ kind }) => kind === 'unreachable').length;
  return { compared: cached.length, missing: keys.length - cached.length - unreachable, unreachable, differences };
}

function agree<K extends bigint | string, V>(
  cache: LeasedCache<K, V>,
  look: Extract<Found<V>, { kind: 'value' | 'absent' }>,
  stored: V | undefined,
): boolean {
  const cached = look.kind === 'value' ? look.value : undefined;
  return cached === undefined || stored === undefined ? cached === stored : cache.agree(cached, stored);
}

const hex = <K extends bigint | string, V>(cache: LeasedCache<K, V>, value: V | undefined): string | undefined =>
  value === undefined ? undefined : cache.options.codec.encode(value).toString('hex');

/** A uniform random sample of the entries' keys. Keys stored under a digest cannot be recovered, and are left out. */
async function sampleKeys<K extends bigint | string, V>(
  cache: LeasedCache<K, V>,
  parseKey: (text: string) => K,
  count: number,
): Promise<K[]> {
  const { pool } = cache.store!;
  const sample: K[] = [];
  const seen = new Set<string>();
  let entries = 0;
  for (const [node, { state }] of pool.nodes) {
    if (state === 'out' || state === 'gone') continue;
    for await (const { namespace, key, name } of storedNames(pool, node)) {
      if (namespace !== cache.options.name || key.startsWith('#')) continue;
      const { placement } = pool;
      // No reader finds entries under an older name.
      if (seen.has(key) || placement === undefined || pool.target(placement, namespace, key)?.name !== name) continue;
      seen.add(key);
      entries++;
      if (sample.length < count) sample.push(parseKey(key));
      else {
        const place = Math.floor(Math.random() * entries);
        if (place < count) sample[place] = parseKey(key);
      }
    }
  }
  return sample;
}
