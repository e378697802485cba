import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline, isRoostError } from '../../core/index.js';
import type { CachePool } from './cachePool.js';
import { askInText } from './textConnection.js';

/** An entry's name, parsed. */
export interface StoredName {
  readonly name: string;
  readonly namespace: string;
  readonly tag: string;
  /** `#` and a digest if the key is too long for a name. */
  readonly key: string;
  /** Seconds since 1970; −1: never. */
  readonly expiresAt: number;
}

/** A node lists its entries to one caller at a time, and answers others that it is busy. */
const busyForMs = 10_000;
const askAgainMs = 100;

async function* dump(node: string): AsyncGenerator<string> {
  const deadline = Deadline.after(busyForMs);
  for (;;) {
    try {
      // Walks the hash table: the walk over the LRU lists misses entries that are used meanwhile.
      yield* askInText(node, 'lru_crawler metadump hash');
      return;
    } catch (error) {
      if (!isRoostError(error, 'Overloaded') || deadline.passed) throw error;
      await sleep(askAgainMs);
    }
  }
}

/**
 * The names of this cluster's entries on a node, unordered; entries that come or go meanwhile may be missing. Throws
 * `Unavailable`.
 */
export async function* storedNames({ options: { cluster } }: CachePool, node: string): AsyncGenerator<StoredName> {
  const prefix = `${cluster}:`;
  for await (const line of dump(node)) {
    const [, encoded, expiresAt] = /^key=(\S+) exp=(-?\d+) /.exec(line) ?? [];
    if (encoded === undefined) continue;
    const name = decodeURIComponent(encoded);
    const [, namespace, tag, key] = name.startsWith(prefix)
      ? (/^([^:]+):([^:]+):(.*)$/.exec(name.slice(prefix.length)) ?? [])
      : [];
    if (namespace !== undefined) yield { name, namespace, tag: tag!, key: key!, expiresAt: Number(expiresAt) };
  }
}
