import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRoostError, maxId } from '../../core/index.js';
import { hashConformance } from '../../test/conformance/hashConformance.js';
import { byteSwap } from './byteSwap.js';
import { fnv1a64 } from './fnv1a64.js';
import { identity } from './identity.js';
import { keyHash, keyHashes } from './index.js';

describe('identity', () => {
  hashConformance(identity, [
    [0n, 0n],
    [1n, 1n],
    [maxId, maxId],
  ]);
});

describe('byteSwap', () => {
  hashConformance(byteSwap, [
    [0n, 0n],
    // The values that Gizzard's own specification gives.
    [0xabcdn, 0x0abcd00000000000n],
    [0x01234567fedcba98n, 0x0ba981234567fedcn],
    [0x41234567fedcba98n, 0x4ba981234567fedcn],
    [maxId, maxId],
  ]);

  it('spreads consecutive keys evenly over the 60 bits', () => {
    const sixteenths = new Array<number>(16).fill(0);
    for (let key = 0n; key < 65_536n; key += 16n) sixteenths[Number(byteSwap.hash(key) >> 56n)]!++;
    expect(sixteenths).toEqual(new Array(16).fill(256));
  });
});

describe('fnv1a64', () => {
  hashConformance(fnv1a64, [
    // The values that Gizzard's own specification gives.
    [0n, 632747166973704645n],
    [1n, 706274769219809188n],
    [23n, 829809842381192562n],
    [1000n, 964653788044945116n],
    [0xabcdn, 441210104309327041n],
    [0x01234567fedcba98n, 24648690491651621n],
    [0x41234567fedcba98n, 24578321747446117n],
  ]);

  /** FNV-1a as its authors define it, on one number of 64 bits. */
  const plain = (key: bigint): bigint => {
    let hash = 0xcbf29ce484222325n;
    for (let byte = 0n; byte < 8n; byte++)
      hash = BigInt.asUintN(64, (hash ^ ((key >> (8n * byte)) & 0xffn)) * 0x100000001b3n);
    return hash & (2n ** 60n - 1n);
  };

  it('agrees with the plain definition', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: maxId }), (key) => {
        expect(fnv1a64.hash(key)).toBe(plain(key));
      }),
      { numRuns: 2_000, examples: [[0n], [maxId], [0xffffffffn], [0x100000000n]] },
    );
  });

  it('spreads consecutive keys evenly', () => {
    const count = 16_000;
    const sixteenths = new Array<number>(16).fill(0);
    for (let key = 0; key < count; key++) sixteenths[Number(fnv1a64.hash(BigInt(key)) >> 56n)]!++;
    for (const found of sixteenths) expect(Math.abs(found - count / 16)).toBeLessThan(count / 160);
  });
});

describe('the hashes', () => {
  it('have distinct names', () => {
    expect(new Set(keyHashes.map((hash) => hash.name)).size).toBe(keyHashes.length);
  });

  it('are listed in the error for an unknown name', () => {
    expect(() => keyHash('md5')).toThrow(
      expect.toSatisfy(
        (error) => isRoostError(error, 'InvalidArgument') && error.message.includes('identity, byteSwap, fnv1a64'),
      ),
    );
  });
});
