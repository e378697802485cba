import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cutText } from './cutText.js';
import { RoostError } from './errors.js';

it('leaves a text that fits as it is, and cuts a longer one between characters', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 400 }),
      fc.integer({ min: 60, max: 600 }),
      (text, maxBytes) => {
        const cut = cutText(text, maxBytes);
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(maxBytes);
        if (Buffer.byteLength(text) <= maxBytes) expect(cut).toBe(text);
        else {
          const [kept] = cut.split('… (cut off');
          expect(text.startsWith(kept!)).toBe(true);
          expect(cut).not.toContain('\u{fffd}');
        }
      },
    ),
  );
});

it('bounds the text and the fields of an error, whatever it is about', () => {
  const huge = 'é'.repeat(9_000_000);
  const fields = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`${i}${huge.slice(0, 1_000)}`, huge]));
  const { message, fields: kept } = new RoostError('NotFound', `there is no ${huge}`, {
    fields,
    cause: new Error(huge),
  });
  expect(Buffer.byteLength(message)).toBeLessThanOrEqual(2_048);
  expect(Object.keys(kept).length).toBeLessThanOrEqual(32);
  for (const [name, value] of Object.entries(kept))
    expect(Buffer.byteLength(name) + Buffer.byteLength(value)).toBeLessThanOrEqual(2_048 + 100);
  expect(Buffer.byteLength(RoostError.from(new Error(huge)).message)).toBeLessThanOrEqual(2_048);
});
