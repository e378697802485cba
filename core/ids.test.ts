import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxId, maxInt64, minInt64, packIds, parseCount, parseId, parseInt64, unpackIds, type IdInput } from './ids.js';

const invalid = (text: RegExp): Error =>
  expect.objectContaining({ code: 'InvalidArgument', message: expect.stringMatching(text) as string }) as Error;

describe('an id', () => {
  it.each<[IdInput, bigint]>([
    [0, 0n],
    [maxId, maxId],
    ['9223372036854775807', maxId],
    ['007', 7n],
    [Number.MAX_SAFE_INTEGER, 9007199254740991n],
  ])('accepts %s', (input, id) => {
    expect(parseId(input)).toBe(id);
  });

  it.each<[unknown, RegExp]>([
    [-1, /from 0 to 9223372036854775807, not -1/],
    [maxId + 1n, /not 9223372036854775808/],
    ['9223372036854775808', /not "9223372036854775808"/],
    [1.5, /not 1.5/],
    [Number.NaN, /not NaN/],
    [Number.POSITIVE_INFINITY, /not Infinity/],
    [2 ** 53, /cannot hold exactly/],
    ['', /not ""/],
    [' 1', /not " 1"/],
    ['0x10', /not "0x10"/],
    ['1e3', /not "1e3"/],
    ['1'.repeat(100), /not "1{40}"/],
    [null, /not object/],
    [undefined, /not undefined/],
    [{}, /not object/],
  ])('refuses %s', (input, text) => {
    expect(() => parseId(input as IdInput, 'source')).toThrow(invalid(text));
    expect(() => parseId(input as IdInput, 'source')).toThrow(/^source must be an integer/);
  });
});

describe('a position', () => {
  it('accepts any signed 64-bit integer', () => {
    for (const value of [minInt64, -1n, 0n, maxInt64]) {
      expect(parseInt64(value, 'position')).toBe(value);
      expect(parseInt64(String(value), 'position')).toBe(value);
    }
    for (const value of [minInt64 - 1n, maxInt64 + 1n])
      expect(() => parseInt64(value, 'position')).toThrow(invalid(/^position must be/));
  });
});

describe('a count', () => {
  it('accepts an integer within its bounds, and nothing else', () => {
    expect([parseCount(1, 'n', 1, 3), parseCount(3, 'n', 1, 3)]).toEqual([1, 3]);
    for (const value of [0, 4, 1.5, Number.NaN])
      expect(() => parseCount(value, 'n', 1, 3)).toThrow(invalid(/^n must be an integer from 1 to 3/));
  });
});

describe('packed ids', () => {
  it('decode to the ids that were packed', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: minInt64, max: maxInt64 })), (ids) => {
        expect([...unpackIds(packIds(ids))]).toEqual(ids);
        expect([...unpackIds(packIds(BigInt64Array.from(ids)))]).toEqual(ids);
      }),
    );
  });

  it('are little-endian, and may start anywhere in a buffer', () => {
    expect([...packIds([1n, -2n])]).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 254, 255, 255, 255, 255, 255, 255, 255]);
    expect([...unpackIds(Buffer.concat([Buffer.from([9]), packIds([5n])]).subarray(1))]).toEqual([5n]);
    expect([...packIds(BigInt64Array.of(7n, 8n, 9n).subarray(1, 2))]).toEqual([8, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('are refused when their length is no multiple of 8', () => {
    expect(() => unpackIds(Buffer.alloc(9))).toThrow(invalid(/multiple of 8 bytes, not 9/));
  });
});
