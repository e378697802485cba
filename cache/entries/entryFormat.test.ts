import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEntry, encodeEntry, entryKinds } from './entryFormat.js';

const name = 'roost:users:17:42';
const value = encodeEntry(name, entryKinds.value, 3, Buffer.from('a row'));

describe('an entry', () => {
  it('decodes to the value that was encoded', () => {
    const entry = decodeEntry(name, 3, value)!;
    expect({ ...entry, body: entry.body.toString(), front: entry.front.length, stampMs: 0 }).toEqual({
      kind: entryKinds.value,
      body: 'a row',
      front: 0,
      stampMs: 0,
    });
  });

  it('decodes prepended changes', () => {
    const entry = decodeEntry(name, 3, Buffer.concat([Buffer.from('more'), value]))!;
    expect([entry.front.toString(), entry.body.toString()]).toEqual(['more', 'a row']);
  });

  it('is a miss under another name or in another format', () => {
    expect(decodeEntry('roost:users:17:43', 3, value)).toBeUndefined();
    expect(decodeEntry(name, 4, value)).toBeUndefined();
  });

  it('is a miss when any byte was changed', () => {
    for (let at = 0; at < value.length; at++) {
      const bad = Buffer.from(value);
      bad[at]! ^= 0x10;
      expect(decodeEntry(name, 3, bad), `byte ${at}`).toBeUndefined();
    }
  });

  it('is a miss when its bytes are random', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => decodeEntry(name, 3, Buffer.from(bytes)) === undefined),
    );
  });
});
