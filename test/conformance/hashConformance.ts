import fc from 'fast-check';
import { expect, it } from 'vitest';
import { maxId } from '../../core/index.js';
import { keyHash, type KeyHash } from '../../gizzard/index.js';

/**
 * Declares the tests that every hash must pass. `known` are pairs that never change: stored data lies where they say.
 */
export function hashConformance(hash: KeyHash, known: readonly (readonly [key: bigint, hash: bigint])[]): void {
  const keys = fc.bigInt({ min: 0n, max: maxId });

  it('is found by its name', () => {
    expect(keyHash(hash.name)).toBe(hash);
  });

  it.each(known)('maps %d to %d', (key, expected) => {
    expect(hash.hash(key)).toBe(expected);
  });

  it('stays within 0 … maxHash, and gives the same again', () => {
    fc.assert(
      fc.property(keys, (key) => {
        const value = hash.hash(key);
        return value >= 0n && value <= hash.maxHash && hash.hash(key) === value;
      }),
      { examples: [[0n], [maxId]] },
    );
  });

  it('tells keys apart', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(keys, { minLength: 2, maxLength: 200 }),
        (some) => new Set(some.map((key) => hash.hash(key))).size === some.length,
      ),
    );
  });
}
