import { setTimeout as sleep } from 'node:timers/promises';
import { chunks, Deadline, limits } from '../../core/index.js';
import type { Found } from '../entries/entryStore.js';
import type { LeasedCache } from '../entries/leasedCache.js';
import { storedNames } from '../ring/entryNames.js';

export interface InspectOptions<K> {
  /** Only these keys. Absent: what the nodes hold. */
  readonly keys?: readonly K[];
  /** Entries that are compared at most; where there are more, some at random. Absent: 10,000. */
  readonly sample?: number;
  /** A difference counts when it stays for so long, unchanged: a write needs a moment from the database to the cache. Absent: 5 s, the longest a write may take. */
  readonly settleMs?: number;
}

/** An entry that says something else than the database. */
export interface StaleEntry<K> {
  readonly key: K;
  readonly node: string;
  readonly name: string;
  /** What each says, in the cache's bytes as hexadecimal digits; undefined: that there is nothing. */
  readonly cached: string | undefined;
  readonly stored: string | undefined;
}

export interface InspectReport<K> {
  /** Entries that were compared with the database. */
  readonly compared: number;
  /** Keys under which nothing is cached; where none were given, nothing any more. */
  readonly missing: number;
  /** Keys that nothing can be said of, since their node does not answer. */
  readonly unreachable: number;
  readonly stale: readonly StaleEntry<K>[];
}

const keysAtOnce = 500;
const defaultSettleMs = 5_000;
const looksAtLeast = 3;

/** Compares what a cache holds with what its loader says, while both are read and written. */
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
  let suspects: Difference<K>[] = [];
  for (const some of chunks(keys, keysAtOnce)) {
    const part = await compare(cache, some);
    compared += part.compared;
    missing += part.missing;
    unreachable += part.unreachable;
    suspects.push(...part.differences);
  }
  const settleMs = options.settleMs ?? defaultSettleMs;
  for (let look = 1; look < looksAtLeast && suspects.length > 0; look++) {
    await sleep(settleMs / (looksAtLeast - 1));
    const again: Difference<K>[] = [];
    for (const part of chunks(suspects, keysAtOnce)) {
      const { differences, unreachable: lost } = await compare(
        cache,
        part.map(({ key }) => key),
      );
      unreachable += lost;
      const before = new Map(part.map((each) => [each.key, each]));
      // The very same entry as before, and still another than the database has: nobody is about to put it right.
      again.push(...differences.filter(({ key, cas }) => before.get(key)!.cas.equals(cas)));
    }
    suspects = again;
  }
  return {
    compared,
    missing,
    unreachable,
    stale: suspects.map(({ key, node, name, cached, stored }) => ({ key, node, name, cached, stored })),
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

/** Keys of entries at random, each with the same chance, whatever their number. Those that stand under a digest cannot be told, and are left out. */
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
      // What stands under an older name is found by nobody.
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
