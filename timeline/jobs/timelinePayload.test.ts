import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeTimelineWrite, encodeTimelineWrite, type TimelineWrite } from './timelinePayload.js';

const entry = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const name = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' });
const again = fc.record({ kind: name, payload: entry });
const writes: fc.Arbitrary<TimelineWrite> = fc.oneof(
  fc.record({
    op: fc.constantFrom('push' as const, 'remove' as const, 'retract' as const),
    entry,
    prefix: name,
    ids: fc.array(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), { maxLength: 9 }).map((ids) => BigInt64Array.from(ids)),
  }),
  fc.record({
    op: fc.constantFrom('store' as const, 'merge' as const, 'unmerge' as const),
    name,
    entries: fc.array(entry, { maxLength: 9 }),
  }),
  fc.record(
    {
      op: fc.constantFrom('fill' as const, 'complete' as const),
      name,
      entries: fc.array(entry, { maxLength: 9 }),
      floor: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    },
    { requiredKeys: ['op', 'name', 'entries'] },
  ),
  fc.record({
    op: fc.constantFrom('deliver' as const, 'restore' as const),
    entry,
    prefix: name,
    ids: fc.array(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), { maxLength: 9 }).map((ids) => BigInt64Array.from(ids)),
    least: fc.double({ min: 0, noNaN: true }),
  }),
  fc.record(
    {
      op: fc.constant('settle' as const),
      name,
      entries: fc.array(entry, { maxLength: 9 }),
      floor: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
      author: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
      token: fc.nat(2 ** 31),
    },
    { requiredKeys: ['op', 'name', 'entries', 'author', 'token'] },
  ),
  fc.record({ op: fc.constantFrom('delete' as const, 'begin' as const), name }),
  fc.record({ op: fc.constant('posted' as const), name, terms: entry }),
  fc.record(
    { op: fc.constant('withdraw' as const), name, at: fc.integer({ min: 0, max: 255 }), bytes: entry, again },
    { requiredKeys: ['op', 'name', 'at', 'bytes'] },
  ),
  fc.record(
    { op: fc.constant('supersede' as const), name, at: fc.integer({ min: 0, max: 255 }), entry, again },
    { requiredKeys: ['op', 'name', 'at', 'entry'] },
  ),
);

it('decodes the payload that it encoded', () => {
  fc.assert(
    fc.property(writes, (write) => {
      expect(decodeTimelineWrite(encodeTimelineWrite(write))).toEqual(write);
    }),
  );
});

it('refuses a truncated payload', () => {
  const whole = encodeTimelineWrite({
    op: 'push',
    entry: Buffer.alloc(20),
    prefix: 'home:',
    ids: new BigInt64Array(2),
  });
  for (let bytes = 1; bytes < whole.length; bytes++) {
    const cut = whole.subarray(0, bytes);
    // Ids may be missing, but not half of one.
    if (bytes >= 31 && (bytes - 31) % 8 === 0) continue;
    expect(() => decodeTimelineWrite(cut), `${bytes} bytes`).toThrow(expect.objectContaining({ code: 'DataLoss' }));
  }
});

it('leaves a later version to a server that knows it', () => {
  const later = encodeTimelineWrite({ op: 'delete', name: 'home:1' });
  later[0] = 2;
  expect(() => decodeTimelineWrite(later)).toThrow(/timelines\.write/);
});
