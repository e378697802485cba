import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fragmentsFromThrift, fragmentsToThrift } from './fragments.js';

const list = fc.array(fc.option(fc.uint8Array({ minLength: 1, maxLength: 40 }), { nil: undefined }), { maxLength: 20 });

it('brings fragments over the wire by place, with those that are missing', () => {
  fc.assert(
    fc.property(list, (fragments) => {
      const found = fragmentsFromThrift(fragmentsToThrift(fragments), fragments.length);
      expect(found.map((each) => each && Uint8Array.from(each))).toEqual(fragments);
    }),
  );
});

it('refuses an answer whose lengths do not fit its bytes', () => {
  const answer = fragmentsToThrift([Buffer.from('one'), undefined, Buffer.from('two')]);
  expect(() => fragmentsFromThrift(answer, 2)).toThrow('holds 3 entries');
  expect(() => fragmentsFromThrift({ ...answer, fragments: answer.fragments.subarray(1) })).toThrow(
    '5 bytes of fragments where it says 6',
  );
  expect(() => fragmentsFromThrift({ ...answer, lengths: answer.lengths.subarray(1) })).toThrow('entries');
});
